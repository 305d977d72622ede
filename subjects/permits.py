"""What permits a change to a subject. Every changing request of `Cluster` takes one; the guard decides on it.

There are three, for there are three reasons to change anything: a plan on record is carried out, a plan on record is
undone, or the campaign's spec asks for a system that is emptied before every attempt. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from subjects.fault import Fault


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
    """The plan on record may be carried out: on its targets alone, and where a majority of the voters remains."""

    fault: Fault
    voters: Voters


@dataclass(frozen=True, slots=True)
class Revert:
    """What the plan on record did may be undone: on its targets alone, and where its own change is still to be seen."""

    fault: Fault
    selector: str


@dataclass(frozen=True, slots=True)
class Recreate:
    """The spec says `reset: recreate`: a StatefulSet with these volume claim templates may be stopped and emptied."""

    workload: str
    claims: Sequence[str]
