from base64 import b64decode
from typing import Any

import pytest

from subjects.cluster import Answer
from subjects.etcd.api import EtcdQuery, Status, health_problem, read_members, read_status, refusal
from subjects.watching.polling import LatestResults, QueryResult
from tests.unit.subjects.fakes import HEADER, IDS, members_of, status_of


def test_a_status_is_read_with_ids_as_strings() -> None:
    assert read_status(status_of("etcd-1", "etcd-0")) == Status(IDS["etcd-1"], IDS["etcd-0"], "3.6.5", False, ())


@pytest.mark.parametrize("leader", [{}, {"leader": "0"}])
def test_an_absent_or_zero_leader_is_none(leader: Any) -> None:
    status = read_status(Answer(200, {"header": HEADER} | leader))
    assert status is not None
    assert status.leader is None


@pytest.mark.parametrize("answer", [Answer(500, {"header": {}}), Answer(200, None), Answer(200, []), Answer(200, {})])
def test_what_is_no_status_is_not_read_as_one(answer: Any) -> None:
    assert read_status(answer) is None


def test_the_member_list_is_read_as_sorted_names() -> None:
    assert read_members(members_of(["etcd-2", "", "etcd-0"])) == ("", "etcd-0", "etcd-2")
    assert read_members(Answer(503, {"message": "no"})) is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(200, {"health": "true", "reason": ""}), None),
        (Answer(200, {"health": "false", "reason": "ALARM NOSPACE"}), "ALARM NOSPACE"),
        (Answer(503, {"health": "false", "reason": "RAFT NO LEADER"}), "RAFT NO LEADER"),
        (Answer(502, None), "HTTP 502"),
    ],
)
def test_health_is_etcds_word_with_its_reason(answer: Any, problem: Any) -> None:
    assert health_problem(answer) == problem


def test_a_refusal_is_told_in_etcds_words() -> None:
    assert refusal(Answer(400, {"code": 9, "message": "etcdserver: not leader"})) == "etcdserver: not leader"


def test_the_write_tells_an_agent_that_reads_the_store_nothing() -> None:
    assert {field: b64decode(value).decode() for field, value in EtcdQuery.WRITE.body.items()} == {
        "key": "healthcheck",
        "value": "ok",
    }


OLD, NEW = QueryResult(1.0, None, "hung"), QueryResult(2.0, Answer(200, {}))


def book() -> LatestResults:  # type: ignore[type-arg]
    results = LatestResults()  # type: ignore[var-annotated]
    results.invalidate("uid", 0.5)
    return results


def test_a_reply_asked_earlier_does_not_replace_one_asked_later() -> None:
    results = book()
    results.record("uid", EtcdQuery.WRITE, NEW)
    results.record("uid", EtcdQuery.WRITE, OLD)
    assert results.since("uid", 0)[EtcdQuery.WRITE] == NEW


def test_a_changed_pod_voids_the_replies_before_and_those_still_under_way() -> None:
    results = book()
    results.record("uid", EtcdQuery.WRITE, OLD)
    results.invalidate("uid", 3.0)
    results.record("uid", EtcdQuery.WRITE, NEW)
    assert results.since("uid", 0) == {}


def test_replies_grow_stale() -> None:
    results = book()
    results.record("uid", EtcdQuery.WRITE, OLD)
    results.record("uid", EtcdQuery.HEALTH, NEW)
    assert results.since("uid", 1.5) == {EtcdQuery.HEALTH: NEW}


def test_a_late_reply_of_a_pod_that_is_gone_is_dropped() -> None:
    results = book()
    results.forget("uid")
    results.record("uid", EtcdQuery.WRITE, NEW)
    assert results.since("uid", 0) == {}
