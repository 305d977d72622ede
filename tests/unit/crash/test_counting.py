"""Each zero of the crash test, and what makes it none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.api import Outcome, Step
from controller.records import AttemptSummary
from tests.crash.audit import Mutation
from tests.crash.counting import Evidence, count
from tests.support.points import ENDED, OPENED, Moment

NOON = datetime(2031, 5, 4, 12, tzinfo=UTC)


def row(trial: int, attempt: int, outcome: Outcome | None, at: int, uid: str, **different: Any) -> AttemptSummary:
    """An attempt that began `at` seconds after noon, with its plan for etcd-1 under this uid."""
    started = NOON + timedelta(seconds=at)
    empty = dict.fromkeys(AttemptSummary.__dataclass_fields__)
    known = {
        "id": f"{trial}.{attempt}",
        "campaign_uid": "c",
        "trial": trial,
        "attempt": attempt,
        "seed": 7,
        "step": Step.RECORD,
        "outcome": outcome,
        "started_at": started,
        "ended_at": started + timedelta(seconds=9),
        "fault": {"targets": [{"name": "etcd-1", "uid": uid, "facts": {}}]},
    }
    return AttemptSummary(**empty | known | different)


def deleted(uid: str, at: float, name: str = "etcd-1") -> Mutation:
    return Mutation("delete", name, uid, NOON + timedelta(seconds=at))


CLEAN = Evidence(
    chaos="node_kill",
    noted=[
        Moment(OPENED, "1.1"),
        Moment(OPENED, "1.2"),
        Moment(ENDED, "1.2", "SelfHealed"),
    ],
    rows=[row(1, 1, Outcome.INTERRUPTED, 0, "old"), row(1, 2, Outcome.SELF_HEALED, 10, "new")],
    mutations=[deleted("old", 1), deleted("new", 11)],
    touched=frozenset({("delete", "old"), ("delete", "new")}),
    left=[],
    completed=True,
    resumed_seconds=0.4,
)
FIRST, SECOND = CLEAN.rows


def test_a_kill_that_cost_nothing_is_clean() -> None:
    counted = count(CLEAN)
    assert counted.clean and (counted.faults, counted.resumed, counted.reached) == (1, 0.4, True)


@pytest.mark.parametrize(
    ("what", "different"),
    [
        ("lost", {"rows": [SECOND]}),
        ("lost", {"rows": [FIRST, replace(SECOND, outcome=Outcome.NOT_HEALED)]}),
        ("doubled", {"rows": [FIRST, SECOND, replace(SECOND, id="other", trial=2)]}),
        ("doubled", {"rows": [FIRST, replace(FIRST, id="1.2", started_at=SECOND.started_at)]}),
        ("astray", {"mutations": [deleted("old", 1)]}),
        ("astray", {"mutations": [*CLEAN.mutations, deleted("third", 12)]}),
        ("astray", {"mutations": [*CLEAN.mutations, deleted("new", 12, name="etcd-2")]}),
        ("astray", {"touched": CLEAN.touched | {("patch", "new")}}),
        ("left", {"left": ["etcd-1"]}),
        ("left", {"rows": [FIRST, replace(SECOND, ended_at=None)]}),
        ("incomplete", {"completed": False}),
    ],
)
def test_each_zero_can_be_missed(what: str, different: dict[str, Any]) -> None:
    counted = count(replace(CLEAN, **different))
    assert getattr(counted, what) > 0 and not counted.clean


def test_a_trial_with_two_results_is_doubled() -> None:
    twice = [replace(FIRST, outcome=Outcome.NOT_HEALED), SECOND]
    assert count(replace(CLEAN, rows=twice)).doubled == 1


def test_two_faults_in_one_attempt_are_one_too_many() -> None:
    again = replace(CLEAN, mutations=[*CLEAN.mutations, deleted("new", 12)])
    assert count(again).faults == 2 and not count(again).clean


def test_the_same_pod_planned_by_two_attempts_is_the_fault_of_the_one_that_ran() -> None:
    """Killed between plan and apply: the next attempt finds the pod untouched, and plans the same."""
    same = replace(CLEAN, rows=[replace(FIRST, fault=SECOND.fault), SECOND])
    counted = count(replace(same, mutations=[deleted("new", 11)], touched=frozenset({("delete", "new")})))
    assert counted.clean and counted.faults == 1 and not counted.reached


def test_of_a_member_that_is_down_the_delete_is_the_undo() -> None:
    swapped = [Mutation("patch", m.name, m.uid, m.at) for m in CLEAN.mutations]
    undone = [deleted("old", 5), deleted("new", 15)]
    down = replace(CLEAN, chaos="node_down", mutations=[*swapped, *undone])
    assert count(down).clean and count(down).faults == 1
    assert count(replace(down, mutations=[*swapped, *undone, deleted("third", 16)])).astray == 1
