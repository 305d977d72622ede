"""Permits for changes to a subject. Every changing request of `Cluster` takes one, and the guard checks it. Pure.

There are three, one for each reason to change anything: to apply a plan on record, to revert one, or to empty the
system before an attempt, where the campaign's spec asks for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from subjects.fault import Fault, Target


@dataclass(frozen=True, slots=True)
class Voters:
    """The members of which a majority must remain.

    `names` are the pods that should exist, found by the label `selector`. `voting`: how many of them vote with each
    other, where that is known to be fewer than all.
    """

    selector: str
    names: Sequence[str]
    voting: int


def tolerated_failures(voters: int) -> int:
    """The most that may be away at once while a majority of the voters remains, for any choice of them. Pure."""
    return max(0, (voters - 1) // 2)


@dataclass(frozen=True, slots=True)
class InjectPermit:
    """Permits to apply the plan on record: to its targets alone, and where a majority of the voters remains.

    `voters` is None for a fault that takes no member away.
    """

    fault: Fault
    voters: Voters | None


@dataclass(frozen=True, slots=True)
class RevertPermit:
    """Permits to revert the plan on record: on its targets alone, and where they still show its change.

    `selector` finds the targets that are pods. `still_applied` belongs to the fault's type: whether a target, given the
    object that has its name now (a `cluster.Pod`, or JSON for every other kind), still shows the fault's change.
    """

    fault: Fault
    selector: str
    still_applied: Callable[[Target, Any], bool]


@dataclass(frozen=True, slots=True)
class RecreatePermit:
    """Permits to stop and empty a StatefulSet with these volume claim templates: the spec says `reset: recreate`."""

    workload: str
    claims: Sequence[str]
