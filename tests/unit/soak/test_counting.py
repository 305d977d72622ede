"""Each number of a soak that must be zero, and what makes it none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.soak.counting import Evidence, numbers


def row(trial: int, attempt: int, outcome: str | None, uid: str | None) -> dict[str, Any]:
    return {"trial": trial, "attempt": attempt, "outcome": outcome, "fault": uid and {"targets": [{"uid": uid}]}}


CLEAN = Evidence(
    rows=[row(1, 1, "Interrupted", "a"), row(1, 2, "NotHealed", "b"), row(2, 1, "NotHealed", "c")],
    shown={(1, 1), (1, 2), (2, 1)},
    broken=["b", "c"],
    replaced=["a", "b", "c"],
    trouble=[],
    planned=2,
    phase="Complete",
    away=[2.0],
    asked=1,
)
FIRST, SECOND, THIRD = CLEAN.rows


def wrong(seen: Evidence) -> list[str]:
    return [number.what for number in numbers(seen) if not number.right]


def test_a_soak_that_cost_nothing_has_nothing_wrong() -> None:
    assert wrong(CLEAN) == []


@pytest.mark.parametrize(
    ("what", "different"),
    [
        ("kills", {"away": []}),
        ("attempts that the status showed and the records do not have", {"shown": {*CLEAN.shown, (2, 2)}}),
        ("attempts that are on record twice", {"rows": [*CLEAN.rows, FIRST]}),
        ("attempts that never ended", {"rows": [*CLEAN.rows, row(2, 2, None, None)]}),
        ("trials without a result", {"planned": 3}),
        ("trials with two", {"rows": [FIRST, SECOND, THIRD, row(2, 2, "NotHealed", "d")]}),
        ("faults a plan, at most", {"broken": ["b", "c", "a", "a"]}),
        ("results without their fault", {"broken": ["b"]}),
        ("pods broken or replaced that nobody planned to", {"broken": ["b", "c", "z"]}),
        ("pods broken or replaced that nobody planned to", {"replaced": ["z"]}),
        ("things left wrong with the subject", {"trouble": ["etcd-1 is not Ready"]}),
        ("campaign", {"phase": "Running"}),
    ],
)
def test_each_number_can_be_wrong(what: str, different: dict[str, Any]) -> None:
    assert what in wrong(replace(CLEAN, **different))
