"""Derives the observation of one attempt from the oracle's verdicts: a pure fold, verdict by verdict.

Every mode has the same deadline, the same rule of recovery and the same account of the time in which nothing was known.
Nothing here waits or does I/O: the attempt feeds verdicts in and stops when `ended` says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from controller.api import Mode
from subjects.protocol import Fault, Verdict

MAX_VERDICT_GAP = timedelta(seconds=2)
"""Verdicts come at least every 0.5 s. A gap between two that is longer than this counts as blind time."""


class ObservationEnd(StrEnum):
    """Why the observation is over."""

    RECOVERED = "Recovered"
    DEADLINE = "Deadline"
    BLIND = "Blind"


@dataclass(frozen=True, slots=True)
class ObservationWindow:
    """When the observation began and how it ends. Times are UTC.

    `deadline`: a recovery must begin by then. `settle`: how long the subject must stay healthy to have recovered.
    `max_blind`: how much blind time is allowed in all.
    """

    opened_at: datetime
    deadline: datetime
    settle: timedelta
    max_blind: timedelta
    mode: Mode = Mode.BASELINE


@dataclass(frozen=True, slots=True)
class AgentProgress:
    """The agent's progress, by the times that count. Times are UTC.

    `looked_at` is when the agent's source was last read successfully.
    """

    ticket_at: datetime | None = None
    resolved_at: datetime | None = None
    looked_at: datetime | None = None


NO_PROGRESS = AgentProgress()


@dataclass(frozen=True, slots=True)
class Observation:
    """The observation so far. Times are UTC; None means that it has not happened yet.

    `serving_lost_at` is the first verdict that said no, `serving_again_at` the first yes after the last no; both are
    None where service was never interrupted. An unknown verdict neither begins an outage nor ends one. `recovered_at`
    is set once the subject stayed healthy for the whole settle time. `healthy_last` is what the last known verdict
    said; `degraded` is True once any verdict said that the subject was not healthy.
    """

    manifested_at: datetime | None = None
    serving_lost_at: datetime | None = None
    serving_again_at: datetime | None = None
    healthy_since: datetime | None = None
    recovered_at: datetime | None = None
    healthy_last: bool | None = None
    degraded: bool = False
    blind: timedelta = timedelta()
    last: Verdict | None = None
    ended: ObservationEnd | None = None


def manifests(fault: Fault, verdict: Verdict) -> bool:
    """Returns whether a verdict is a sign of this fault: a target was replaced or has a problem, or clients are not
    served.
    """
    names = {target.name for target in fault.targets}
    replaced = bool(verdict.members) and any(verdict.members.get(each.name) != each.uid for each in fault.targets)
    blamed = any(problem.member in names for problem in verdict.problems)
    return replaced or verdict.serving is False or (blamed and verdict.healthy is False)


def add_verdict(
    window: ObservationWindow,
    fault: Fault | None,
    so_far: Observation,
    verdict: Verdict,
    progress: AgentProgress = NO_PROGRESS,
) -> Observation:
    """Returns the observation with one more verdict. A verdict from before the window only becomes `last`.

    `fault` is None where nothing was injected. `progress` is what the agent has done by now.
    """
    if verdict.at < window.opened_at:
        return replace(so_far, last=verdict)
    updated = _add_blind_time(window, so_far, verdict)
    updated = _update_service_times(window, updated, verdict)
    if verdict.known:
        updated = replace(updated, healthy_last=verdict.healthy, degraded=updated.degraded or verdict.healthy is False)
    if fault is not None and updated.manifested_at is None and manifests(fault, verdict):
        at = _service_lost_at(window, verdict) if verdict.serving is False else verdict.at
        updated = replace(updated, manifested_at=at)
    if verdict.healthy is not True or updated.manifested_at is None:
        updated = replace(updated, healthy_since=None)
    elif updated.healthy_since is None:
        updated = replace(updated, healthy_since=verdict.at)
    return _end_if_over(window, replace(updated, last=verdict), progress)


def _add_blind_time(window: ObservationWindow, so_far: Observation, verdict: Verdict) -> Observation:
    """Adds the time since the last verdict if that verdict did not know the subject's health, or is too long ago.

    Whether clients are served may be unknown meanwhile: see docs/decisions/005-blind-is-when-health-is-unknown.md.
    """
    if so_far.last is None:
        return so_far
    gap = verdict.at - max(so_far.last.at, window.opened_at)
    if gap > MAX_VERDICT_GAP:
        return replace(so_far, blind=so_far.blind + gap, healthy_since=None)
    return so_far if so_far.last.known else replace(so_far, blind=so_far.blind + gap)


def _update_service_times(window: ObservationWindow, so_far: Observation, verdict: Verdict) -> Observation:
    if verdict.serving is False:
        lost_at = so_far.serving_lost_at or _service_lost_at(window, verdict)
        return replace(so_far, serving_lost_at=lost_at, serving_again_at=None)
    if verdict.serving and so_far.serving_lost_at and not so_far.serving_again_at:
        return replace(so_far, serving_again_at=verdict.at)
    return so_far


def _service_lost_at(window: ObservationWindow, verdict: Verdict) -> datetime:
    """Returns when service was lost, by a verdict that says it is: a request that hung was sent before it was known to
    hang.

    Never before the window opened: a request that was sent before the injection hung because of it.
    """
    return max(window.opened_at, verdict.unserved_since or verdict.at)


def _end_if_over(window: ObservationWindow, so_far: Observation, progress: AgentProgress) -> Observation:
    assert so_far.last is not None
    now, since = so_far.last.at, so_far.healthy_since
    if so_far.blind > window.max_blind:
        return replace(so_far, ended=ObservationEnd.BLIND)
    confirming = so_far.recovered_at is None and since is not None and since <= window.deadline
    if confirming and since is not None and now - since >= window.settle:
        so_far, confirming = replace(so_far, recovered_at=since), False
    if so_far.recovered_at is not None and _agent_can_add_nothing(window, so_far.recovered_at, progress):
        return replace(so_far, ended=ObservationEnd.RECOVERED)
    if now >= window.deadline and not confirming:
        return replace(so_far, ended=ObservationEnd.DEADLINE)
    return so_far


def _agent_can_add_nothing(window: ObservationWindow, recovered_at: datetime, progress: AgentProgress) -> bool:
    """Returns whether the agent, if one is expected, had no ticket by the recovery or has resolved the one it had.

    That it had none is known once its source was read after the recovery.
    """
    if window.mode is Mode.BASELINE:
        return True
    if progress.ticket_at is not None and progress.ticket_at <= recovered_at:
        return progress.resolved_at is not None
    return progress.looked_at is not None and progress.looked_at >= recovered_at
