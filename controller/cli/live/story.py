"""What a person is told of a running campaign: a line for each thing that happened, and what is done now. Pure."""

from __future__ import annotations

from datetime import datetime

from controller.api import Current, Phase, Rates, Recent
from controller.cli.cluster.campaigns import Seen
from controller.cli.live.news import News


class Story:
    """Tells of one campaign what is new."""

    def __init__(self) -> None:
        self._news = News()

    def news(self, campaign: Seen) -> list[str]:
        """Lines about phases and outcomes that were not told yet, in the order in which they happened."""
        status = campaign.status
        phase_line = str(status.phase) + (f": {status.message}" if status.message else "")
        return [phase_line if isinstance(each, Phase) else _outcome(campaign, each) for each in self._news.of(status)]


def doing(campaign: Seen) -> str:
    """The trial and its step, without the time; empty between attempts."""
    current = campaign.status.current
    if current is None:
        return ""
    attempt = f", attempt {current.attempt}" if current.attempt > 1 else ""
    return f"trial {current.trial}/{campaign.trials}{attempt}: {current.step}"


def right_now(campaign: Seen, now: datetime) -> str:
    """Trial, step, countdown and what is still missing, for a line that is drawn again and again."""
    current = campaign.status.current
    if current is None:
        return campaign.status.message
    return f"{doing(campaign)}{countdown(current, now)}{f', {current.message}' if current.message else ''}"


def found(rates: Rates | None) -> list[str]:
    """What the campaign found, a line a rate; its n is in it."""
    if rates is None:
        return ["Nothing could be scored."]
    lines = [
        ("resolved", rates.resolved, rates.median_time_to_resolve, "median time to resolve"),
        ("recovered", rates.recovered, rates.median_time_to_recover, "median time to recover"),
        ("false alarms", rates.false_alarms, None, ""),
    ]
    said = [f"{what} {share}" + (f", {name} {time}" if time else "") for what, share, time, name in lines if share]
    return [*said, *([f"median time to detect {rates.median_time_to_detect}"] if rates.median_time_to_detect else [])]


def _outcome(campaign: Seen, ended: Recent) -> str:
    attempt = f", attempt {ended.attempt}" if ended.attempt > 1 else ""
    times = {
        "detected": ended.time_to_detect,
        "called resolved": ended.time_to_resolve,
        "recovered": ended.time_to_recover,
    }
    after = "".join(f", {what} after {time}" for what, time in times.items() if time)
    why = f" ({ended.message})" if ended.message else ""
    on = f" on {ended.target}" if ended.target else ""
    return f"trial {ended.trial}/{campaign.trials}{attempt}{on}: {ended.outcome}{after}{why}"


def countdown(current: Current, now: datetime) -> str:
    """How long the step may still take; empty where nobody limits it."""
    if current.deadline is None:
        return ""
    left = (current.deadline - now).total_seconds()
    return f", at most {max(0, left):.0f} s left"
