"""Whatever an object holds, the controller's intake takes it or refuses it with a sentence; it never breaks down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from controller.api import Phase
from controller.campaign.parsing import InvalidCampaign, campaign_from_body
from controller.campaign.preconditions import Rejected, resolve_subject
from controller.campaign.services import subject_options
from controller.records.arms import comparison_hash
from controller.status import DriverStatus, Refusal, compute_status
from subjects.protocol import SubjectContext
from subjects.registry import installed
from tests.support.specs import ANYTHING, SPECS, fuzz
from tests.unit.driver.samples import START, row, tally

META = {"uid": "u", "namespace": "default", "name": "n" * 63, "creationTimestamp": "2026-01-01T00:00:00Z"}


def outcome(spec: Any) -> Refusal | None:
    """What comes of it before anything is asked of the cluster: a refusal, or None where it would run."""
    try:
        campaign = campaign_from_body({"metadata": META, "spec": spec})
    except InvalidCampaign as invalid:
        return Refusal("InvalidSpec", str(invalid))  # type: ignore[arg-type]
    comparison_hash(campaign.spec.model_dump(mode="json", by_alias=True))
    context = SubjectContext(
        None, campaign.spec.subject.namespace, lambda: START, options=subject_options(campaign.spec)
    )
    try:
        resolve_subject(campaign.spec, "default", installed().subjects, context)
    except Rejected as impossible:
        return impossible.refusal
    return None


def check(refusal: Refusal | None) -> None:
    """A refusal says something, on one line, and fits into a status that stays small."""
    if refusal is None:
        return
    assert refusal.message and "\n" not in refusal.message
    failed = row(Phase.FAILED, refusal.reason, refusal.message)
    status = compute_status(failed, 1, tally(), DriverStatus(refusal=refusal), (), START)
    assert len(json.dumps(status.to_json(), ensure_ascii=False).encode()) < 8192


def test_a_spec_that_is_nearly_right_runs_or_is_refused_with_a_sentence() -> None:
    seen: set[str] = set()

    @fuzz(1500)
    @given(SPECS)
    def each(spec: Any) -> None:
        refusal = outcome(spec)
        check(refusal)
        seen.add(refusal.reason if refusal else "runs")

    each()
    every = {"runs", "InvalidSpec", "UnknownSubject", "InvalidSubject", "UnknownChaos", "InvalidParams"}
    assert seen >= every, "else little was tried"


LONG = "🔥" * 60


@pytest.mark.parametrize(
    "spec",
    [
        {"subject": {"type": "🔥" * 63, "namespace": "x"}, "chaos": {"type": "x"}},
        {"subject": {"type": "etcd", "namespace": "x"}, "chaos": {"type": "🔥" * 63}},
        {
            "subject": {"type": "tikv", "namespace": "x"},
            "chaos": {"type": "node_kill", "params": {f"{number}{LONG}": "🔥" * 256 for number in range(16)}},
        },
        {
            "subject": {"type": "tikv", "namespace": "x", "selectors": {f"{n}{LONG}": "🔥x" * 256 for n in range(8)}},
            "chaos": {"type": "node_kill"},
        },
        {
            "subject": {"type": "etcd", "namespace": "x"},
            "chaos": {"type": "node_kill", "params": {LONG * 9: LONG * 9}},
        },
    ],
    ids=["subject", "chaos", "parameters", "selectors", "what no CRD of ours takes"],
)
def test_the_longest_that_can_be_written_makes_no_long_sentence(spec: Any) -> None:
    refusal = outcome(spec)
    assert refusal is not None
    check(refusal)


@fuzz(500)
@given(ANYTHING)
def test_anything_at_all_in_place_of_a_spec_is_refused_with_a_sentence(spec: Any) -> None:
    refusal = outcome(spec)
    assert refusal is not None
    check(refusal)
