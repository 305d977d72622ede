"""How an attempt ended: its outcome, decided by one pure function, and what failed where it was not observed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.api import Failure, Mode, Outcome
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import ChaosRefused, SubjectError


class StopReason(StrEnum):
    """Why a campaign is asked to stop before it is done."""

    ABORTED = "Aborted"
    DELETED = "Deleted"
    EXITING = "Exiting"
    OVERDUE = "Overdue"
    """The campaign has used up its activeDeadlineSeconds."""


@dataclass(frozen=True, slots=True)
class OutcomeInputs:
    """Everything that the outcome depends on. Times are UTC.

    `ticket_at` and `resolved_at` are the agent's times, as they count. `confirm` is how long after the resolution the
    recovery may come. `healthy_last` is what the last known verdict said. `observed` says that the observation ran to
    its own end: only then is an attempt scored. `stopped` and `failed` say what cut it short. `injection_unknown` says
    that the fault may or may not have been applied.
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
    stopped: StopReason | None = None
    failed: bool = False
    injection_unknown: bool = False

    @property
    def recovered(self) -> bool:
        """Returns whether the subject recovered by the deadline."""
        return self.in_time(self.recovered_at)

    @property
    def resolution_is_true(self) -> bool:
        """Returns whether the subject recovered within `confirm` of the agent's resolution, and was healthy to the
        end.
        """
        if self.recovered_at is None or self.resolved_at is None or not self.recovered:
            return False
        return self.recovered_at <= self.resolved_at + self.confirm and self.healthy_last is True

    def in_time(self, at: datetime | None) -> bool:
        """Returns whether something happened, and by the deadline."""
        assert self.deadline_at is not None, "an observation has a deadline"
        return at is not None and at <= self.deadline_at


def decide_outcome(inputs: OutcomeInputs) -> Outcome:
    """Returns the outcome. An attempt that was observed to its end is scored, regardless of what happened
    afterwards.
    """
    if not inputs.observed:
        return _unobserved_outcome(inputs)
    if inputs.mode is Mode.CONTROL:
        return Outcome.FALSE_ALARM if inputs.in_time(inputs.ticket_at) else Outcome.QUIET
    if inputs.manifested_at is None:
        return Outcome.NOT_MANIFESTED
    if inputs.mode is Mode.BASELINE:
        return Outcome.SELF_HEALED if inputs.recovered else Outcome.NOT_HEALED
    return _agent_outcome(inputs)


def _agent_outcome(inputs: OutcomeInputs) -> Outcome:
    if not _detected(inputs):
        return Outcome.SELF_HEALED if inputs.recovered else Outcome.UNDETECTED
    if not inputs.in_time(inputs.resolved_at):
        return Outcome.DETECTED_UNRESOLVED
    return Outcome.RESOLVED if inputs.resolution_is_true else Outcome.FALSE_RESOLUTION


def _detected(inputs: OutcomeInputs) -> bool:
    """Returns whether the agent had its ticket by the deadline, and before the subject recovered."""
    if inputs.ticket_at is None or not inputs.in_time(inputs.ticket_at):
        return False
    return inputs.recovered_at is None or not inputs.recovered or inputs.ticket_at <= inputs.recovered_at


def _unobserved_outcome(inputs: OutcomeInputs) -> Outcome:
    if inputs.stopped in (StopReason.ABORTED, StopReason.DELETED, StopReason.OVERDUE):
        return Outcome.ABORTED
    if inputs.stopped is StopReason.EXITING or inputs.injection_unknown:
        return Outcome.INTERRUPTED
    assert inputs.failed, "an attempt ends observed, stopped or failed"
    return Outcome.INFRA_ERROR


class AttemptFailed(Exception):
    """Base of the exceptions that end an attempt before it was observed; the text goes into the record.

    `failure` is the one word that the record has for it.
    """

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


FAILURES_OF_OTHERS = (
    (ChaosRefused, Failure.CHAOS_REFUSED),
    (SubjectError, Failure.SUBJECT_FAILED),
    (ClusterError, Failure.CLUSTER_REFUSED),
    (ClusterUnreachable, Failure.CLUSTER_UNREACHABLE),
)
"""The failure for an exception of a subject or of the API server. The first type that matches counts."""


def failure_of(error: Exception) -> Failure:
    """Returns the failure for an exception. All but Unexpected can happen without a fault in this program's code."""
    if isinstance(error, AttemptFailed):
        return error.failure
    return next((failure for type_, failure in FAILURES_OF_OTHERS if isinstance(error, type_)), Failure.UNEXPECTED)
