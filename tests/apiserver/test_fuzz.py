"""Whatever is sent to the API server is refused with a message, or is a campaign that the controller can read.

The CRD and the controller's own model are written by hand, each; here they meet on what nobody thought of.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cluster.apiserver.controlplane import ControlPlane
from controller.api import GROUP, KIND, PLURAL, VERSION
from controller.campaign.parsing import campaign_from_body
from tests.simulation.test_fuzzed_intake import check, outcome
from tests.support.specs import ANYTHING, SPECS, TEXTS, fuzz

MESSAGE_BYTES = 64 * 1024
"""Far above what people read, far below what a client must fear."""


@dataclass(frozen=True)
class Answer:
    """Status and decoded body."""

    status: int
    body: Any


Send = Callable[[Any], Answer]


@pytest.fixture(scope="module")
def send(control_plane: ControlPlane, crd: None) -> Send:
    """Create an object as far as that goes without keeping it; over HTTP, for a kubectl each would take minutes."""
    user = yaml.safe_load(control_plane.admin_kubeconfig().read_text())["users"][0]["user"]
    trust = ssl.create_default_context(cafile=str(control_plane.authority))
    url = f"{control_plane.url}/apis/{GROUP}/{VERSION}/namespaces/default/{PLURAL}?dryRun=All"
    headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"}

    def post(body: Any) -> Answer:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=120, context=trust) as answer:
                return Answer(answer.status, json.load(answer))
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, json.load(refused))

    return post


def campaign(spec: Any, name: Any = "fuzzed") -> Any:
    """An object with this spec and this name."""
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": {"name": name}, "spec": spec}


def check_refused(answer: Answer) -> None:
    """With a client's error, in words, of bounded length."""
    assert answer.status in (400, 422), answer
    assert answer.body["kind"] == "Status" and answer.body["message"]
    assert len(json.dumps(answer.body)) < MESSAGE_BYTES


def check_taken(answer: Answer) -> None:
    """What the API server stores, the controller reads; and then it runs, or ends with a sentence."""
    assert answer.status == 201, answer
    campaign_from_body(answer.body)
    check(outcome(answer.body["spec"]))


def test_a_spec_that_is_nearly_right_is_refused_in_words_or_can_be_read(send: Send) -> None:
    taken = []

    @fuzz(300)
    @given(SPECS)
    def each(spec: Any) -> None:
        answer = send(campaign(spec))
        taken.append(answer.status == 201)
        (check_taken if taken[-1] else check_refused)(answer)

    each()
    assert 0.1 < sum(taken) / len(taken) < 0.9, "nearly all alike: then little was tried"


def test_anything_at_all_in_place_of_a_spec_is_refused_in_words(send: Send) -> None:
    @fuzz(100)
    @given(ANYTHING)
    def each(spec: Any) -> None:
        check_refused(send(campaign(spec)))

    each()


def test_any_name_is_refused_in_words_or_fits_into_a_label(send: Send) -> None:
    right = {"subject": {"type": "etcd", "namespace": "etcd"}, "chaos": {"type": "node_kill"}}
    dashed = st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,70}[a-z0-9])?\Z")

    @fuzz(100)
    @given(dashed | TEXTS)
    def each(name: str) -> None:
        answer = send(campaign(right, name))
        if answer.status == 201:
            assert len(answer.body["metadata"]["name"]) <= 63
        else:
            check_refused(answer)

    each()
