"""Prints tables on a terminal, as CSV and as Markdown. Text in a cell cannot end it, or become formula or markup."""

from __future__ import annotations

import csv
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

from controller.printable import one_line, printable, unfiltered

_FORMULA = re.compile("[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""What begins a cell that a spreadsheet would compute, or fetch from the network; also as wide characters."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?s?")

PADDING = 2
MIN_REST = 20
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
        """Returns the width that it needs. A heading may be wrapped, a word a line."""
        cells = max((len(cell) for cell in self.cells), default=0)
        return max(min(cells, MIN_REST) if self.rest else cells, *(len(word) for word in self.heading.split()))


def console() -> Console:
    """Returns the console of standard output. In a pipe, which has no width, nothing is cut, as with kubectl."""
    if sys.stdout.isatty():
        return PrintableConsole(highlight=False, soft_wrap=False)
    width = None if "COLUMNS" in os.environ else 10_000
    file = cast(IO[str], _WithoutPadding(unfiltered(sys.stdout)))
    return PrintableConsole(file=file, width=width, highlight=False, soft_wrap=False)


class PrintableConsole(Console):
    """Prints what is printable of whatever it is given; the escapes for colours and for moving lines are its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments of the base class with printable text only."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def printable_text(text: str, style: str | Style = "") -> Text:
    """Returns somebody else's text for a console: without markup, and as wide as what is printed of it."""
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
    """Prints the columns that fit; empty ones (all `-` or blank) that may be dropped are left out silently."""
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
            max_width=max(rest, MIN_REST) if column.rest else None,
        )
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    to.print(table)
    if hidden:
        to.print(Text(f"Not shown at this width: {', '.join(hidden)}. See also --output json.", style="dim"))


Rows = Sequence[Sequence[str]]


def print_rows(headings: Sequence[str], rows: Rows, to: Console) -> None:
    """Prints columns as wide as they need to be; text that does not fit is wrapped."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(printable_text(cell) for cell in row))
    to.print(table)


def print_csv(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints CSV (RFC 4180). Numbers are not rounded, unknown cells are empty, and formula-like texts are quoted."""
    writer = csv.writer(sys.stdout)
    writer.writerow(headings)
    writer.writerows([[csv_cell(cell) for cell in row] for row in rows])


def print_markdown(headings: Sequence[str], rows: Rows) -> None:
    """Prints a table in GitHub's Markdown; what would end a cell or a line is escaped."""
    for row in (headings, ["---"] * len(headings), *rows):
        print(f"| {' | '.join(markdown_cell(cell) for cell in row)} |")


def csv_cell(value: object) -> str:
    """Returns a cell of a CSV file, empty for None.

    A text that a spreadsheet would take for a formula is quoted by an apostrophe, which spreadsheets leave out again
    (https://owasp.org/www-community/attacks/CSV_Injection). Numbers, also with `s` for seconds, and a lone `-` stay.
    """
    if value is None:
        return ""
    text = printable(str(value)).replace("\r\n", "\n")
    if not isinstance(value, str) or text == "-" or _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if _FORMULA.match(value) or _FORMULA.match(text.lstrip()) else text


def markdown_cell(text: str) -> str:
    """Returns a Markdown cell. What would end it or its line, or begin a tag, a link or code, is escaped."""
    text = one_line(text)
    for bad, good in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("`", "\\`")):
        text = text.replace(bad, good)
    return text
