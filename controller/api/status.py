"""The status that the controller writes: `status`."""

from __future__ import annotations

from enum import StrEnum
from operator import not_
from typing import Annotated, Literal

from pydantic import Field

from controller.api.base import Model, Time
from controller.api.enums import Outcome, Phase, Step

RECENT_ATTEMPTS = 10
"""How many attempts `status.recent` keeps: the status stays small however long the campaign is."""

PLANNED_TRIALS = 10
"""How many trials a dry run plans."""


class ConditionType(StrEnum):
    """The conditions a campaign carries."""

    ACCEPTED = "Accepted"
    SUBJECT_LOCKED = "SubjectLocked"
    PROGRESSING = "Progressing"
    COMPLETE = "Complete"
    FAILED = "Failed"
    FINISHED = "Finished"
    CLEANUP_FAILED = "CleanupFailed"
    INTERLEAVED = "Interleaved"


class Condition(Model):
    """A metav1.Condition."""

    type: ConditionType
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(min_length=1, max_length=1024)
    message: str = Field(max_length=1024)
    last_transition_time: Time
    observed_generation: int = Field(0, ge=0)


class Summary(Model):
    """Trials planned and done, and attempts by outcome."""

    planned: int = Field(ge=0)
    done: int = Field(ge=0)
    progress: str = Field(max_length=32)
    """`done/planned`, for the Trials column."""
    scored: int = Field(0, ge=0)
    recovered: int | None = Field(None, ge=0)
    """The scored attempts that recovered by their deadline; None in mode control."""
    # Left out where empty, as are the lists below: server-side apply makes a null of a map that loses its last key.
    outcomes: dict[Outcome, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, exclude_if=not_)


class Rates(Model):
    """The campaign's results so far. Every rate carries its n; absent where n is 0, and where its mode has none."""

    recovered: str | None = Field(None, max_length=64)
    """Recovered by the deadline among the scored, as `1/3 (33%)`, for the Recovered column."""
    recovery_rate: str | None = Field(None, max_length=16)
    """The same as a decimal fraction; a string, as Kubernetes APIs avoid floats."""
    median_time_to_recover: str | None = Field(None, max_length=32)
    """Seconds, censored at the deadline: `>60s` where half or more had not recovered by then."""
    resolved: str | None = Field(None, max_length=64)
    """Resolved by the agent, and truly so, among the scored; mode agent only."""
    resolution_rate: str | None = Field(None, max_length=16)
    median_time_to_detect: str | None = Field(None, max_length=32)
    """Computed like the median time to recover; an undetected fault counts as longer than the observation."""
    median_time_to_resolve: str | None = Field(None, max_length=32)
    false_alarms: str | None = Field(None, max_length=64)
    """Attempts of mode control in which the agent opened a ticket, among the scored."""
    false_alarm_rate: str | None = Field(None, max_length=16)


class CurrentAttempt(Model):
    """The running attempt and its step."""

    trial: int = Field(ge=1)
    attempt: int = Field(ge=1)
    step: Step
    since: Time
    deadline: Time | None = None
    message: str = Field("", max_length=512)


class RecentAttempt(Model):
    """One of the last attempts that ended."""

    trial: int = Field(ge=1)
    attempt: int = Field(ge=1)
    outcome: Outcome
    target: str | None = Field(None, max_length=253)
    time_to_detect: str | None = Field(None, max_length=32)
    time_to_resolve: str | None = Field(None, max_length=32)
    time_to_recover: str | None = Field(None, max_length=32)
    ended_at: Time
    message: str = Field("", max_length=140)


class Plan(Model):
    """The plan of a trial, from a dry run."""

    trial: int = Field(ge=1)
    seed: int = Field(ge=0, le=2**53 - 1)
    chaos: str = Field(max_length=63)
    target: str = Field(max_length=253)
    facts: str = Field("", max_length=128)
    """Uid, parameters and what else is known, as `name=value, …`."""


class CampaignStatus(Model):
    """The status of a campaign. It is computed from the records, which are the source of truth."""

    phase: Phase
    observed_generation: int = Field(0, ge=0)
    message: str = Field("", max_length=1024)
    started_at: Time | None = None
    finished_at: Time | None = None
    summary: Summary | None = None
    rates: Rates | None = None
    current: CurrentAttempt | None = None
    recent: list[RecentAttempt] = Field(default_factory=list, max_length=RECENT_ATTEMPTS, exclude_if=not_)
    plans: list[Plan] = Field(default_factory=list, max_length=PLANNED_TRIALS, exclude_if=not_)
    conditions: list[Condition] = Field(default_factory=list, max_length=16, exclude_if=not_)

    def to_json(self) -> dict[str, object]:
        """As the API server takes it: camelCase; what is absent or an empty list or map is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
