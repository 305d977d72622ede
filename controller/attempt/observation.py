"""What the oracle's verdicts mean for one attempt: a pure fold, verdict by verdict.

One deadline in every mode, one rule of recovery, one account of the time in which we could not see. Nothing here waits
or asks; the trial feeds it and stops when `ended` says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from controller.api import Mode
from subjects.protocol import Fault, Verdict

SILENCE = timedelta(seconds=2)
"""Verdicts come at least each 0.5 s. Where none came for longer than this, we did not see: the gap is blind time."""


class End(StrEnum):
    """Why the observation is over."""

    RECOVERED = "Recovered"
    DEADLINE = "Deadline"
    SIGHT_LOST = "SightLost"


@dataclass(frozen=True, slots=True)
class Window:
    """When the observation opened, until when recovery may begin, and how strict it is."""

    opened_at: datetime
    deadline: datetime
    settle: timedelta
    max_blind: timedelta
    mode: Mode = Mode.BASELINE


@dataclass(frozen=True, slots=True)
class Work:
    """What was seen of the agent so far, by the times that count: the ticket, its resolution, the last good look."""

    ticket_at: datetime | None = None
    resolved_at: datetime | None = None
    looked_at: datetime | None = None


NO_WORK = Work()


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen so far. Times are UTC; None means that it has not been seen.

    `serving_lost_at` is the first no, `serving_again_at` the first yes after the last no; None where service was never
    seen to break off. What is unknown counts as neither: it begins no outage and ends none. `recovered_at` is set only
    once the stretch was confirmed for the whole settle window. `healthy_last` is what the last verdict said that knew;
    `degraded`: one of them said no.
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
    ended: End | None = None


def shows(fault: Fault, verdict: Verdict) -> bool:
    """Whether a verdict is a sign of this fault: a target is not what it was, or clients are not served."""
    names = {target.name for target in fault.targets}
    replaced = bool(verdict.members) and any(verdict.members.get(each.name) != each.uid for each in fault.targets)
    blamed = any(problem.member in names for problem in verdict.problems)
    return replaced or verdict.serving is False or (blamed and verdict.healthy is False)


def observe(
    window: Window, fault: Fault | None, seen: Observation, verdict: Verdict, work: Work = NO_WORK
) -> Observation:
    """Fold one verdict into what was seen. Verdicts from before the window only become `last`.

    `fault` is None where nothing was injected. `work` is what is known of the agent by now.
    """
    if verdict.at < window.opened_at:
        return replace(seen, last=verdict)
    seen = _account_blindness(window, seen, verdict)
    seen = _note_service(window, seen, verdict)
    if verdict.known:
        seen = replace(seen, healthy_last=verdict.healthy, degraded=seen.degraded or verdict.healthy is False)
    if fault is not None and seen.manifested_at is None and shows(fault, verdict):
        seen = replace(seen, manifested_at=_unserved_at(window, verdict) if verdict.serving is False else verdict.at)
    if verdict.healthy is not True or seen.manifested_at is None:
        seen = replace(seen, healthy_since=None)
    elif seen.healthy_since is None:
        seen = replace(seen, healthy_since=verdict.at)
    return _conclude(window, replace(seen, last=verdict), work)


def _account_blindness(window: Window, seen: Observation, verdict: Verdict) -> Observation:
    """The time since the last verdict was blind if it did not know whether the subject is healthy, or is too long ago.

    Whether clients are served may be unknown meanwhile: see docs/decisions/005-blind-is-when-health-is-unknown.md.
    """
    if seen.last is None:
        return seen
    gap = verdict.at - max(seen.last.at, window.opened_at)
    if gap > SILENCE:
        return replace(seen, blind=seen.blind + gap, healthy_since=None)
    return seen if seen.last.known else replace(seen, blind=seen.blind + gap)


def _note_service(window: Window, seen: Observation, verdict: Verdict) -> Observation:
    if verdict.serving is False:
        lost_at = seen.serving_lost_at or _unserved_at(window, verdict)
        return replace(seen, serving_lost_at=lost_at, serving_again_at=None)
    if verdict.serving and seen.serving_lost_at and not seen.serving_again_at:
        return replace(seen, serving_again_at=verdict.at)
    return seen


def _unserved_at(window: Window, verdict: Verdict) -> datetime:
    """Since when, by this verdict, nobody was served: what hung was sent before it was known to hang.

    Never ahead of the window: what was sent before the injection hung because of it.
    """
    return max(window.opened_at, verdict.unserved_since or verdict.at)


def _conclude(window: Window, seen: Observation, work: Work) -> Observation:
    assert seen.last is not None
    now, since = seen.last.at, seen.healthy_since
    if seen.blind > window.max_blind:
        return replace(seen, ended=End.SIGHT_LOST)
    confirming = seen.recovered_at is None and since is not None and since <= window.deadline
    if confirming and since is not None and now - since >= window.settle:
        seen, confirming = replace(seen, recovered_at=since), False
    if seen.recovered_at is not None and _has_had_its_say(window, seen.recovered_at, work):
        return replace(seen, ended=End.RECOVERED)
    if now >= window.deadline and not confirming:
        return replace(seen, ended=End.DEADLINE)
    return seen


def _has_had_its_say(window: Window, recovered_at: datetime, work: Work) -> bool:
    """Whether an agent, if one is expected, can add nothing: it had no ticket by the recovery, or has resolved it.

    That it had none is known once somebody has looked after the recovery.
    """
    if window.mode is Mode.BASELINE:
        return True
    if work.ticket_at is not None and work.ticket_at <= recovered_at:
        return work.resolved_at is not None
    return work.looked_at is not None and work.looked_at >= recovered_at
