"""Following campaigns to their end: one, or the two arms of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

from controller.cli.cluster.campaigns import Seen
from controller.cli.cluster.errors import CommandFailed
from controller.cli.live.displays import Display
from controller.cli.live.story import Story
from controller.cli.live.watching import Watch

REDRAW_SECONDS = 0.5


def follow(watched: Sequence[tuple[Watch, Seen]], display: Display) -> list[Seen]:
    """Show them until all have ended, and return how they stand then, in their order.

    CommandFailed when one is deleted, or replaced by another of its name, or when it may not be seen any more. While
    the API server is away, that is shown, and what was seen last.
    """
    followed = [_Followed(watch, begun, named=len(watched) > 1) for watch, begun in watched]
    for each in followed:
        each.tell(display)
    while any(not each.latest.status.phase.terminal for each in followed):
        for each in followed:
            if each.look(REDRAW_SECONDS / len(followed)):
                each.tell(display)
        trouble = next((each.trouble for each in followed if each.trouble), None)
        display.now([each.latest for each in followed], trouble)
    return [each.latest for each in followed]


class _Followed:
    """One of them: how it stood last, and why that may be old. `named`: its lines say whose they are."""

    def __init__(self, watch: Watch, begun: Seen, named: bool) -> None:
        self._watch = watch
        self._begun = begun
        self._named = named
        self._story = Story()
        self.latest = begun
        self.trouble: str | None = None

    def look(self, seconds: float) -> bool:
        """Wait so long for a change; whether the campaign was seen anew."""
        if self.latest.status.phase.terminal or (change := self._watch.next(seconds)) is None:
            return False
        self.trouble = change.trouble
        if change.final:
            raise CommandFailed(str(change.trouble))
        if self.trouble is None:
            self.latest = _same(self._begun, change.campaign)
        return self.trouble is None

    def tell(self, display: Display) -> None:
        """What is new of it."""
        for line in self._story.news(self.latest):
            display.happened(f"{self._begun.name}: {line}" if self._named else line)


def _same(begun: Seen, now: Seen | None) -> Seen:
    if now is None or now.uid != begun.uid:
        raise CommandFailed(f"Campaign {begun.title} was deleted; its records stay: evalcampaign trials {begun.uid}")
    return now
