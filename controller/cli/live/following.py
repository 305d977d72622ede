"""Following a campaign to its end."""

from __future__ import annotations

from controller.cli.cluster.campaigns import Seen
from controller.cli.cluster.errors import CommandFailed
from controller.cli.live.displays import Display
from controller.cli.live.story import Story
from controller.cli.live.watching import Watch

REDRAW_SECONDS = 0.5


def follow(watch: Watch, begun: Seen, display: Display) -> Seen:
    """Show it until it has ended, and return how it stands then.

    CommandFailed when it is deleted, or replaced by another of its name, or when it may not be seen any more. While the
    API server is away, that is shown, and what was seen last.
    """
    story, latest, trouble = Story(), begun, None
    for line in story.news(begun):
        display.happened(line)
    while not latest.status.phase.terminal:
        change = watch.next(REDRAW_SECONDS)
        if change is not None:
            trouble = change.trouble
            if change.final:
                raise CommandFailed(str(change.trouble))
            if trouble is None:
                latest = _same(begun, change.campaign)
                for line in story.news(latest):
                    display.happened(line)
        display.now(latest, trouble)
    return latest


def _same(begun: Seen, now: Seen | None) -> Seen:
    if now is None or now.uid != begun.uid:
        raise CommandFailed(f"Campaign {begun.title} was deleted; its records stay: evalcampaign trials {begun.uid}")
    return now
