"""How an attempt ended, decided by one pure function from what its record holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from controller.api import Mode, Outcome


class Stop(StrEnum):
    """Why a campaign is told to stop before it is done."""

    ABORTED = "Aborted"
    DELETED = "Deleted"
    EXITING = "Exiting"
    OVERDUE = "Overdue"
    """It has had all the time that the campaign may take."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the outcome is decided from. Times are UTC.

    `observed` says that the observation ran to its own end: only then may an attempt be scored. `stopped` and `failed`
    say what cut it short. `doubtful` marks an injection of which nobody can say whether it was applied.
    """

    mode: Mode
    deadline_at: datetime | None = None
    manifested_at: datetime | None = None
    recovered_at: datetime | None = None
    observed: bool = False
    stopped: Stop | None = None
    failed: bool = False
    doubtful: bool = False


def decide(evidence: Evidence) -> Outcome:
    """The outcome. An attempt that was observed to its end is scored whatever happened to it afterwards."""
    if not evidence.observed:
        return _cut_short(evidence)
    if evidence.manifested_at is None:
        return Outcome.NOT_MANIFESTED
    assert evidence.deadline_at is not None, "an observation has a deadline"
    recovered = evidence.recovered_at is not None and evidence.recovered_at <= evidence.deadline_at
    return Outcome.SELF_HEALED if recovered else Outcome.NOT_HEALED


def _cut_short(evidence: Evidence) -> Outcome:
    if evidence.stopped in (Stop.ABORTED, Stop.DELETED, Stop.OVERDUE):
        return Outcome.ABORTED
    if evidence.stopped is Stop.EXITING or evidence.doubtful:
        return Outcome.INTERRUPTED
    assert evidence.failed, "an attempt ends observed, stopped or failed"
    return Outcome.INFRA_ERROR
