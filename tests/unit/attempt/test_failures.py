"""Of an attempt that could not be run or seen, the record says in one word what it was."""

from __future__ import annotations

from typing import Any

import pytest

from bench.scripted import Script
from controller.api import Failure, Outcome
from controller.attempt.outcome import failure_of
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import ChaosRefused, SubjectError, SubjectNotReady
from tests.unit.attempt.conftest import spec

BLIND = Script(heal_after=None, blind_between=(0.05, 10))
SICK = Script(healthy_at_first=False)
IMPATIENT = {"deadlines": {"healthy_seconds": 0.2}}


@pytest.mark.parametrize(
    ("failure", "script", "changes"),
    [
        (Failure.TIMED_OUT, SICK, IMPATIENT),
        (Failure.SIGHT_LOST, BLIND, {"observe_seconds": 20, "max_blind_seconds": 0.2}),
        (Failure.CHAOS_REFUSED, Script(inject_error=ChaosRefused("m-1 is gone")), {}),
        (Failure.SUBJECT_FAILED, Script(plan_error=SubjectError("no members")), {}),
        (Failure.CLUSTER_REFUSED, Script(reset_errors=[ClusterError(403, "forbidden")]), {}),
        (Failure.UNEXPECTED, Script(capture_error=ZeroDivisionError()), {}),
    ],
    ids=lambda each: each.value if isinstance(each, Failure) else "",
)
async def test_its_last_event_says_which(bench: Any, failure: Any, script: Any, changes: Any) -> None:
    outcome, row = await bench.run(script, spec(**changes))
    assert outcome is Outcome.INFRA_ERROR
    assert bench.events(row)[-1].detail["failure"] == failure


async def test_of_one_that_went_well_there_is_none(bench: Any) -> None:
    _, row = await bench.run(Script())
    assert bench.events(row)[-1].detail == {"outcome": "SelfHealed"}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ChaosRefused("x"), Failure.CHAOS_REFUSED),  # before its base
        (SubjectNotReady("x"), Failure.SUBJECT_FAILED),
        (ClusterUnreachable("x"), Failure.CLUSTER_UNREACHABLE),
        (TimeoutError(), Failure.UNEXPECTED),
    ],
    ids=lambda each: "" if isinstance(each, Failure) else type(each).__name__,
)
def test_what_subjects_and_the_api_server_raise_is_told_by_its_type(error: Any, failure: Any) -> None:
    assert failure_of(error) is failure
