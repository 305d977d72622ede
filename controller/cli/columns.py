"""Tables that fit: columns that matter less are left out when the terminal is narrow, and that is said."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from controller.printable import printable, unfiltered

PADDING = 2
LEAST_REST = 20
"""A column that takes the rest gets at least this many characters."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and its cells. `drop` None stays at any width; else the highest goes first."""

    heading: str
    cells: Sequence[str]
    drop: int | None = None
    right: bool = False
    rest: bool = False
    """Takes what the others leave, and is cut there."""

    @property
    def width(self) -> int:
        """What it needs. A heading may stand in several lines, a word each."""
        cells = max((len(cell) for cell in self.cells), default=0)
        return max(min(cells, LEAST_REST) if self.rest else cells, *(len(word) for word in self.heading.split()))


def console() -> Console:
    """Standard output. A pipe has no width, so nothing is left out or cut there, as with kubectl."""
    if sys.stdout.isatty():
        return PrintableConsole(highlight=False, soft_wrap=False)
    width = None if "COLUMNS" in os.environ else 10_000
    file = cast(IO[str], _WithoutPadding(unfiltered(sys.stdout)))
    return PrintableConsole(file=file, width=width, highlight=False, soft_wrap=False)


class PrintableConsole(Console):
    """Prints what is printable of whatever it is given; the escapes for colours and for moving lines are its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich asks, of all that is printed and of all in it."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def shown(text: str, style: str | Style = "") -> Text:
    """A text of somebody else's for a console: no markup is read in it, and its width is that of what is printed."""
    return Text(printable(text), style)


class _WithoutPadding:
    """Standard output where it is no terminal: lines lose the blanks at their ends.

    A table is as wide as its longest cell, and one long error would pad all its lines.
    """

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, text: str) -> int:
        return self._to.write(re.sub(r"[ \t]+(?=\n)", "", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._to, name)


def print_table(columns: Sequence[Column], to: Console) -> None:
    """Print the columns that fit; empty ones (all `-` or blank) that may be dropped are left out silently."""
    columns = [replace(column, cells=[printable(cell) for cell in column.cells]) for column in columns]
    shown = [c for c in columns if c.drop is None or any(cell.strip("- ") for cell in c.cells)]
    hidden: list[str] = []
    while sum(c.width + PADDING for c in shown) - PADDING > to.width:
        droppable = [c for c in shown if c.drop is not None]
        if not droppable:
            break
        least = max(droppable, key=lambda c: c.drop or 0)
        shown.remove(least)
        hidden.append(least.heading)
    table = Table(box=None, pad_edge=False, padding=(0, PADDING, 0, 0), header_style="bold")
    # Said outright: of a column that is not wrapped, rich takes nothing away before the others have nothing left.
    rest = to.width - sum(c.width + PADDING for c in shown if not c.rest)
    for column in shown:
        table.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=column.rest,
            overflow="ellipsis" if column.rest else "fold",
            min_width=None if column.rest else min(column.width, to.width // 2),
            max_width=max(rest, LEAST_REST) if column.rest else None,
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    to.print(table)
    if hidden:
        to.print(Text(f"Not shown at this width: {', '.join(hidden)}. See also --output json.", style="dim"))
