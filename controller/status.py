"""Computes a campaign's status from its records and from the `DriverStatus`, which only the running driver knows.

The computation is pure and gives the whole status, so the next write replaces one that was lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.api import (
    CampaignStatus,
    Condition,
    ConditionType,
    CurrentAttempt,
    Mode,
    Outcome,
    Phase,
    Plan,
    Rates,
    Reason,
    RecentAttempt,
    Summary,
)
from controller.records.rows import AttemptSummary, CampaignRow, Tally
from controller.statistics import censored_median
from controller.text import truncate, truncate_bytes, utc_seconds


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a campaign is not accepted, and a sentence for people."""

    reason: Reason
    message: str


MESSAGE_BYTES = 1024
CONDITION_BYTES = 400
"""The most bytes of UTF-8: of the status's message, and of the same message in each condition."""

REFUSED = frozenset(
    {
        Reason.UNKNOWN_SUBJECT,
        Reason.INVALID_SUBJECT,
        Reason.UNKNOWN_CHAOS,
        Reason.INVALID_PARAMS,
        Reason.CAMPAIGN_IN_SUBJECT_NAMESPACE,
        Reason.QUORUM_LOSS,
        Reason.INVALID_AGENT,
        Reason.START_DEADLINE_EXCEEDED,
    }
)
"""The reasons with which a campaign ends Failed because it could not be accepted."""


@dataclass(frozen=True, slots=True)
class Interleaving:
    """Whether the campaign takes turns with its other arm, with a reason and a sentence."""

    holds: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class DriverStatus:
    """What the driver knows beyond the records.

    `holder` is the campaign that has the subject (`namespace/name`), None while no lock was requested. `holds_subject`
    says whether that is this campaign. `suspending` says whether it will be suspended after the running attempt.
    `cooling_until` is when the pause between two attempts is over. `waiting` is what an arm that takes turns waits for
    between two trials. `interleaving` says whether it takes turns, once that is known. `plans` is the result of a dry
    run, which has no attempts.
    """

    refusal: Refusal | None = None
    holder: str | None = None
    holds_subject: bool = False
    current: CurrentAttempt | None = None
    suspending: bool = False
    cooling_until: datetime | None = None
    waiting: str | None = None
    interleaving: Interleaving | None = None
    plans: tuple[Plan, ...] = ()


def compute_status(
    campaign: CampaignRow,
    generation: int,
    tally: Tally,
    driver_status: DriverStatus,
    previous: Sequence[Condition],
    now: datetime,
) -> CampaignStatus:
    """Returns the whole status. A condition whose status is the same in `previous` keeps its transition time."""
    return CampaignStatus(
        phase=campaign.phase,
        observed_generation=generation,
        message=truncate_bytes(_message(campaign, driver_status), MESSAGE_BYTES),
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
        summary=Summary(
            planned=campaign.planned,
            done=tally.done,
            progress=f"{tally.done}/{campaign.planned}",
            scored=tally.scored,
            recovered=tally.recovered if campaign.mode.injects else None,
            outcomes=dict(tally.outcomes),
        ),
        rates=_rates(tally, campaign.mode, campaign.spec),
        current=driver_status.current,
        recent=[_recent(attempt) for attempt in tally.recent],
        plans=list(driver_status.plans),
        conditions=_conditions(campaign, generation, driver_status, previous, now),
    )


def _message(campaign: CampaignRow, driver_status: DriverStatus) -> str:
    if campaign.phase is not Phase.RUNNING:
        return campaign.message
    if driver_status.suspending:
        return f"{campaign.message}; to be suspended as soon as this attempt has ended"
    if driver_status.cooling_until is not None:
        when = utc_seconds(driver_status.cooling_until)
        return f"{campaign.message}; cooling down, the next attempt begins at {when}"
    if driver_status.waiting is not None:
        return f"{campaign.message}; {driver_status.waiting}"
    return campaign.message


def seconds(value: float) -> str:
    """Returns a duration for people, such as `3.4s`."""
    return f"{value:.1f}s"


def _rates(tally: Tally, mode: Mode, spec: Mapping[str, object]) -> Rates | None:
    """Returns the rates of the mode: a control has no recoveries, and a baseline has no resolutions."""
    if not tally.scored:
        return None
    if mode is Mode.CONTROL:
        alarms, rate = _share(tally.outcomes.get(Outcome.FALSE_ALARM, 0), tally.scored)
        return Rates(false_alarms=alarms, false_alarm_rate=rate)

    def median(times: Sequence[float | None]) -> str:
        found = censored_median(times)
        return f">{spec['observeSeconds']}s" if found is None else seconds(found)

    recovered, recovery_rate = _share(tally.recovered, tally.scored)
    rates = Rates(recovered=recovered, recovery_rate=recovery_rate, median_time_to_recover=median(tally.recovery_times))
    if mode is Mode.BASELINE:
        return rates
    resolved, resolution_rate = _share(tally.outcomes.get(Outcome.RESOLVED, 0), tally.scored)
    agents: dict[str, str] = {
        "resolved": resolved,
        "resolution_rate": resolution_rate,
        "median_time_to_detect": median(tally.detection_times),
        "median_time_to_resolve": median(tally.resolution_times),
    }
    return rates.model_copy(update=agents)


def _share(part: int, whole: int) -> tuple[str, str]:
    """Returns the share as a text for people and as a number for programs."""
    return f"{part}/{whole} ({part / whole:.0%})", f"{part / whole:.4f}"


def _recent(attempt: AttemptSummary) -> RecentAttempt:
    assert attempt.outcome is not None and attempt.ended_at is not None, "recent attempts have ended"

    def text(time: float | None) -> str | None:
        return None if time is None else seconds(time)

    return RecentAttempt(
        trial=attempt.trial,
        attempt=attempt.attempt,
        outcome=attempt.outcome,
        target=None if attempt.target is None else truncate(attempt.target, 253),
        time_to_detect=text(attempt.time_to_detect),
        time_to_resolve=text(attempt.time_to_resolve),
        time_to_recover=text(attempt.time_to_recover),
        ended_at=attempt.ended_at,
        message=truncate(attempt.error or "", 140),
    )


def _conditions(
    campaign: CampaignRow, generation: int, driver_status: DriverStatus, previous: Sequence[Condition], now: datetime
) -> list[Condition]:
    before = {condition.type: condition for condition in previous}
    conditions: list[Condition] = []

    def add(type_: ConditionType, holds: bool, reason: str, message: str = "") -> None:
        status = "True" if holds else "False"
        old = before.get(type_)
        since = old.last_transition_time if old is not None and old.status == status else now
        conditions.append(
            Condition(
                type=type_,
                status=status,
                reason=reason,
                message=truncate_bytes(message, CONDITION_BYTES),
                last_transition_time=since,
                observed_generation=generation,
            )
        )

    phase, message = campaign.phase, _message(campaign, driver_status)
    reason = campaign.reason or phase.value  # a new row has no reason yet
    failed = phase is Phase.FAILED
    refusal = driver_status.refusal
    if failed and (rejected := next((each for each in REFUSED if each == reason), None)):
        refusal = Refusal(rejected, message)
    if refusal is None:
        add(ConditionType.ACCEPTED, True, Reason.ACCEPTED, "The subject, the chaos type and its parameters are valid.")
    else:
        add(ConditionType.ACCEPTED, False, refusal.reason, refusal.message)
    if driver_status.holds_subject:
        add(ConditionType.SUBJECT_LOCKED, True, Reason.HELD, "This campaign has the subject.")
    elif driver_status.holder is not None:
        add(
            ConditionType.SUBJECT_LOCKED,
            False,
            Reason.HELD_BY_ANOTHER,
            f"Campaign {driver_status.holder} has the subject.",
        )
    elif phase.releases_subject:
        add(ConditionType.SUBJECT_LOCKED, False, Reason.RELEASED, "The subject is free for the next campaign.")
    waits = phase is Phase.RUNNING and driver_status.waiting is not None
    add(ConditionType.PROGRESSING, phase is Phase.RUNNING, Reason.WAITS_FOR_TURN if waits else reason, message)
    add(ConditionType.COMPLETE, phase is Phase.COMPLETE, reason, message)
    add(ConditionType.FAILED, failed, reason, message)
    add(ConditionType.FINISHED, phase.terminal, reason, message)
    if failed and reason == Reason.CLEANUP_FAILED:
        add(ConditionType.CLEANUP_FAILED, True, reason, message)
    if (turns := driver_status.interleaving) is not None:
        add(ConditionType.INTERLEAVED, turns.holds, turns.reason, turns.message)
    return conditions
