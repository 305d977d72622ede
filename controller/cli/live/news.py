"""What is new of one campaign: its phase, and the attempts that ended. Pure."""

from __future__ import annotations

from controller.api import CampaignStatus, Phase, Recent


class News:
    """Remembers what was told already."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._told: set[tuple[int, int]] = set()

    def of(self, status: CampaignStatus) -> list[Phase | Recent]:
        """What was not told yet, in the order in which it happened: an end comes after the last attempt."""
        phase = [status.phase] if status.phase is not self._phase else []
        ended = [each for each in reversed(status.recent) if (each.trial, each.attempt) not in self._told]
        self._phase = status.phase
        self._told |= {(each.trial, each.attempt) for each in ended}
        return [*ended, *phase] if status.phase.terminal else [*phase, *ended]
