"""Following campaigns to their end: lines for what happened, and on a terminal what happens right now."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from cluster.demonstration.campaigns import Seen, Watch
from cluster.demonstration.story import Story, doing, right_now
from cluster.errors import ClusterError
from cluster.progress import console
from controller.cli.live.stamp import Stamp
from controller.printable import one_line

REDRAW_SECONDS = 0.5
HEARTBEAT_SECONDS = 10.0

PATIENCE_SECONDS = 300.0
"""No step of a short campaign takes so long; a controller that says nothing new for this long is stuck."""


class Display(Protocol):
    """Where it is shown."""

    def happened(self, line: str) -> None:
        """A line that stays."""
        ...

    def now(self, campaigns: list[Seen]) -> None:
        """How things stand; called at every change, and every half second."""
        ...


def follow(watch: Watch, names: list[str]) -> dict[str, Seen]:
    """Show the campaigns until all of them have ended; return them. ClusterError when nothing moves any more."""
    stories = {name: Story() for name in names}
    latest: dict[str, Seen] = {}
    moved = time.monotonic()
    with _display() as display:
        while len(latest) < len(names) or not all(each.status.phase.terminal for each in latest.values()):
            campaign = watch.next(REDRAW_SECONDS)
            if campaign is not None and campaign.name in stories and campaign != latest.get(campaign.name):
                moved = time.monotonic()
                latest[campaign.name] = campaign
                for line in stories[campaign.name].news(campaign):
                    display.happened(line)
            display.now([latest[name] for name in names if name in latest])
            if time.monotonic() - moved > PATIENCE_SECONDS:
                raise ClusterError(
                    f"nothing happened to {' and '.join(names)} for {PATIENCE_SECONDS:.0f} s.",
                    hint="kubectl -n evalcampaign logs deploy/evalcampaign-controller",
                )
    return latest


@contextmanager
def _display() -> Iterator[Display]:
    if not console.is_terminal:
        yield PlainDisplay()
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveDisplay(live)


class LiveDisplay:
    """A terminal: a table that is drawn again and again, below the lines."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._stamp = Stamp()

    def happened(self, line: str) -> None:
        """Print it above the table."""
        self._live.console.print(f"{self._stamp} {one_line(line)}", markup=False)

    def now(self, campaigns: list[Seen]) -> None:
        """Draw the table."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for each in campaigns:
            if not each.status.phase.terminal:
                table.add_row(each.name, each.status.phase, Text(one_line(right_now(each, datetime.now(UTC)))))
        self._live.update(table, refresh=True)


class PlainDisplay:
    """A log: a line at every step, and a sign of life where one takes long."""

    def __init__(self) -> None:
        self._stamp = Stamp()
        self._steps: dict[str, str] = {}
        self._said = time.monotonic()

    def happened(self, line: str) -> None:
        """Print it."""
        self._said = time.monotonic()
        console.print(f"{self._stamp} {one_line(line)}", markup=False, soft_wrap=True)

    def now(self, campaigns: list[Seen]) -> None:
        """Print the steps that are new."""
        for each in campaigns:
            step = doing(each)
            quiet = time.monotonic() - self._said > HEARTBEAT_SECONDS
            if step and (quiet or step != self._steps.get(each.name)):
                self.happened(f"{each.name}: {right_now(each, datetime.now(UTC))}")
            self._steps[each.name] = step
