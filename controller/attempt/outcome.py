"""How an attempt ended, decided by one pure function from what its record holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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

    `ticket_at` and `resolved_at` are the agent's, as they count; `confirm` is how long after the resolution the
    recovery may come. `healthy_last`: what the last verdict said that knew. `observed` says that the observation ran to
    its own end: only then may an attempt be scored. `stopped` and `failed` say what cut it short. `doubtful` marks an
    injection of which nobody can say whether it was applied.
    """

    mode: Mode
    deadline_at: datetime | None = None
    manifested_at: datetime | None = None
    recovered_at: datetime | None = None
    ticket_at: datetime | None = None
    resolved_at: datetime | None = None
    confirm: timedelta = timedelta()
    healthy_last: bool | None = None
    observed: bool = False
    stopped: Stop | None = None
    failed: bool = False
    doubtful: bool = False

    @property
    def recovered(self) -> bool:
        """Whether the subject recovered by the deadline."""
        return self.in_time(self.recovered_at)

    @property
    def resolved_truly(self) -> bool:
        """Whether what the agent called resolved was: healthy soon after, and still healthy when we looked last."""
        if self.recovered_at is None or self.resolved_at is None or not self.recovered:
            return False
        return self.recovered_at <= self.resolved_at + self.confirm and self.healthy_last is True

    def in_time(self, at: datetime | None) -> bool:
        """Whether it happened, and by the deadline."""
        assert self.deadline_at is not None, "an observation has a deadline"
        return at is not None and at <= self.deadline_at


def decide(evidence: Evidence) -> Outcome:
    """The outcome. An attempt that was observed to its end is scored whatever happened to it afterwards."""
    if not evidence.observed:
        return _cut_short(evidence)
    if evidence.mode is Mode.CONTROL:
        return Outcome.FALSE_ALARM if evidence.in_time(evidence.ticket_at) else Outcome.QUIET
    if evidence.manifested_at is None:
        return Outcome.NOT_MANIFESTED
    if evidence.mode is Mode.BASELINE:
        return Outcome.SELF_HEALED if evidence.recovered else Outcome.NOT_HEALED
    return _with_an_agent(evidence)


def _with_an_agent(evidence: Evidence) -> Outcome:
    if not _detected(evidence):
        return Outcome.SELF_HEALED if evidence.recovered else Outcome.UNDETECTED
    if not evidence.in_time(evidence.resolved_at):
        return Outcome.DETECTED_UNRESOLVED
    return Outcome.RESOLVED if evidence.resolved_truly else Outcome.FALSE_RESOLUTION


def _detected(evidence: Evidence) -> bool:
    """Whether the agent had its ticket in time, and while there was something to find."""
    if evidence.ticket_at is None or not evidence.in_time(evidence.ticket_at):
        return False
    return evidence.recovered_at is None or not evidence.recovered or evidence.ticket_at <= evidence.recovered_at


def _cut_short(evidence: Evidence) -> Outcome:
    if evidence.stopped in (Stop.ABORTED, Stop.DELETED, Stop.OVERDUE):
        return Outcome.ABORTED
    if evidence.stopped is Stop.EXITING or evidence.doubtful:
        return Outcome.INTERRUPTED
    assert evidence.failed, "an attempt ends observed, stopped or failed"
    return Outcome.INFRA_ERROR
