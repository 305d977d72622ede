"""What permits a change to a subject. Every changing request of `Cluster` takes one; the guard decides on it.

There are three, for there are three reasons to change anything: a plan on record is carried out, a plan on record is
reverted, or the campaign's spec asks for a system that is emptied before every attempt. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from subjects.fault import Fault, Target


@dataclass(frozen=True, slots=True)
class Voters:
    """Those among whom a majority has to remain.

    `names` are the pods that should exist, found by the label `selector`. `voting`: how many of them vote with each
    other, where that is known to be fewer than all.
    """

    selector: str
    names: Sequence[str]
    voting: int


@dataclass(frozen=True, slots=True)
class Inject:
    """The plan on record may be carried out: on its targets alone, and where a majority of the voters remains.

    `voters` is None for a fault that takes no member away.
    """

    fault: Fault
    voters: Voters | None


@dataclass(frozen=True, slots=True)
class Revert:
    """What the plan on record did may be reverted: on its targets alone, and where its own change still shows.

    `selector` finds the targets that are pods. `still_applied` belongs to the fault's type: whether a target, given the
    object that bears its name now (a `cluster.Pod`, or JSON for every other kind), still shows the fault's change.
    """

    fault: Fault
    selector: str
    still_applied: Callable[[Target, Any], bool]


@dataclass(frozen=True, slots=True)
class Recreate:
    """The spec says `reset: recreate`: a StatefulSet with these volume claim templates may be stopped and emptied."""

    workload: str
    claims: Sequence[str]
