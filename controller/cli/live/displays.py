"""Where a running campaign is shown: on a terminal with a last line that moves, else in a log of plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from controller.cli.cluster.campaigns import Seen
from controller.cli.columns import shown
from controller.cli.live.stamp import Stamp
from controller.cli.live.story import doing, right_now
from controller.printable import one_line

HEARTBEAT_SECONDS = 10.0
"""In a log: a step that takes longer than this is told again, so that one sees that it lives."""


class Display(Protocol):
    """Where it is shown."""

    def happened(self, line: str) -> None:
        """A line that stays."""
        ...

    def now(self, campaigns: Sequence[Seen], trouble: str | None) -> None:
        """How they stand, and why that may be old; called at every change, and every half second."""
        ...


@contextmanager
def display(to: Console) -> Iterator[Display]:
    """The one that suits where the output goes."""
    if not to.is_terminal:
        yield PlainDisplay(to)
        return
    with Live(console=to, auto_refresh=False, transient=True) as live:
        yield LiveDisplay(live)


class LiveDisplay:
    """A terminal: a line a campaign that is drawn again and again, below the lines that stay."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._stamp = Stamp()

    def happened(self, line: str) -> None:
        """Print it above the line that moves."""
        self._live.console.print(shown(f"{self._stamp} {one_line(line)}"))

    def now(self, campaigns: Sequence[Seen], trouble: str | None) -> None:
        """Draw the lines."""
        lines = [f"{self._stamp} {one_line(line)}" for line in _right_now(campaigns).values()]
        drawn = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
        if trouble:
            drawn = Text.assemble(drawn, "\n", (one_line(trouble), "yellow"))
        self._live.update(drawn, refresh=True)


class PlainDisplay:
    """A log: a line at every step, and a sign of life where one takes long."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._stamp = Stamp()
        self._steps: dict[str, str] = {}
        self._trouble: str | None = None
        self._said = time.monotonic()

    def happened(self, line: str) -> None:
        """Print it."""
        self._said = time.monotonic()
        self._to.print(shown(f"{self._stamp} {one_line(line)}"), soft_wrap=True)

    def now(self, campaigns: Sequence[Seen], trouble: str | None) -> None:
        """Print the steps that are new, and the trouble."""
        lines, quiet = _right_now(campaigns), time.monotonic() - self._said > HEARTBEAT_SECONDS
        for campaign in campaigns:
            step = doing(campaign)
            if step and (quiet or step != self._steps.get(campaign.uid)):
                self.happened(lines[campaign.uid])
            self._steps[campaign.uid] = step
        if trouble and trouble != self._trouble:
            self.happened(trouble)
        self._trouble = trouble


def _right_now(campaigns: Sequence[Seen]) -> dict[str, str]:
    """A line for each, by uid; of several, each says whose it is."""
    now = datetime.now(UTC)
    return {
        each.uid: f"{each.name}: {right_now(each, now)}" if len(campaigns) > 1 else right_now(each, now)
        for each in campaigns
    }
