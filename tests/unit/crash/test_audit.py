"""Reading the API server's audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.crash.audit import Mutation, mutations

NOON = datetime(2031, 5, 4, 12, tzinfo=UTC)


def event(**different: Any) -> str:
    usual = {
        "verb": "delete",
        "user": {"username": "me"},
        "objectRef": {"resource": "pods", "namespace": "etcd", "name": "etcd-1"},
        "responseStatus": {"code": 200},
        "responseObject": {"kind": "Pod", "metadata": {"name": "etcd-1", "uid": "u1"}},
        "requestReceivedTimestamp": "2031-05-04T12:00:00.000000Z",
    }
    return json.dumps(usual | different)


def test_an_accepted_change_names_the_pod_that_the_api_server_changed() -> None:
    assert list(mutations([event()], "me")) == [Mutation("delete", "etcd-1", "u1", NOON)]


def test_what_was_refused_changed_nothing() -> None:
    refused = event(responseStatus={"code": 409}, responseObject={"kind": "Status", "metadata": {}})
    assert list(mutations([refused], "me")) == []


def test_what_others_did_is_not_ours() -> None:
    assert list(mutations([event(user={"username": "keeper"})], "me")) == []


def test_a_change_without_an_answer_is_counted_all_the_same_and_matches_no_plan() -> None:
    [found] = mutations([event(responseObject={"kind": "Status", "metadata": {}})], "me")
    assert found.uid == ""
