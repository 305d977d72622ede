"""What a person is told of a running campaign: a line for each thing that happened, and what is done now. Pure."""

from datetime import datetime

from cluster.demonstration.campaigns import Seen
from controller.api import Current, Phase, Recent


class Story:
    """Remembers what was told of one campaign, and finds what is new."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._told: set[tuple[int, int]] = set()

    def news(self, campaign: Seen) -> list[str]:
        """Lines about phases and outcomes that were not told yet, in the order in which they happened."""
        status = campaign.status
        lines = []
        phase_line = f"{campaign.name}: {status.phase}" + (f", {status.message}" if status.message else "")
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


def _outcome(campaign: Seen, ended: Recent) -> str:
    attempt = f", attempt {ended.attempt}" if ended.attempt > 1 else ""
    after = f" after {ended.time_to_recover}" if ended.time_to_recover else ""
    why = f" ({ended.message})" if ended.message else ""
    target = ended.target or "no target"
    return f"{campaign.name}: trial {ended.trial}/{campaign.trials}{attempt} on {target}: {ended.outcome}{after}{why}"


def doing(campaign: Seen) -> str:
    """The trial and its step, without the time; empty between attempts."""
    current = campaign.status.current
    return "" if current is None else f"trial {current.trial}/{campaign.trials}: {current.step}"


def right_now(campaign: Seen, now: datetime) -> str:
    """Trial, step, countdown and what is still missing, for a line that is drawn again and again."""
    current = campaign.status.current
    if current is None:
        return campaign.status.message
    return f"{doing(campaign)}{_countdown(current, now)}{f', {current.message}' if current.message else ''}"


def _countdown(current: Current, now: datetime) -> str:
    if current.deadline is None:
        return ""
    left = (current.deadline - now).total_seconds()
    return f", at most {max(0, left):.0f} s left"
