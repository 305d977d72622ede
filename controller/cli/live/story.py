"""What a person is told of a running campaign: a line for each thing that happened, and what is done now. Pure."""

from __future__ import annotations

from datetime import datetime

from controller.api import Current, Phase, Rates, Recent
from controller.cli.cluster.campaigns import Seen


class Story:
    """Remembers what was told of one campaign, and finds what is new."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._told: set[tuple[int, int]] = set()

    def news(self, campaign: Seen) -> list[str]:
        """Lines about phases and outcomes that were not told yet, in the order in which they happened."""
        status = campaign.status
        lines = []
        phase_line = str(status.phase) + (f": {status.message}" if status.message else "")
        phase_is_new = status.phase is not self._phase
        self._phase = status.phase
        if phase_is_new and not status.phase.terminal:
            lines.append(phase_line)
        for ended in reversed(status.recent):  # the latest is first
            if (ended.trial, ended.attempt) not in self._told:
                self._told.add((ended.trial, ended.attempt))
                lines.append(_outcome(campaign, ended))
        if phase_is_new and status.phase.terminal:
            lines.append(phase_line)
        return lines


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
    return f"{doing(campaign)}{_countdown(current, now)}{f', {current.message}' if current.message else ''}"


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


def _countdown(current: Current, now: datetime) -> str:
    if current.deadline is None:
        return ""
    left = (current.deadline - now).total_seconds()
    return f", at most {max(0, left):.0f} s left"
