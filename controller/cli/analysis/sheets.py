"""Rows under headings, as a table on the terminal, as CSV, or as Markdown."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from controller.cli.cells import csv_cell, markdown_cell
from controller.cli.columns import shown

Rows = Sequence[Sequence[str]]


def table(headings: Sequence[str], rows: Rows, to: Console) -> None:
    """Columns as wide as they need to be; what does not fit is wrapped."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(shown(cell) for cell in row))
    to.print(made)


def as_csv(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """RFC 4180, numbers whole; what is unknown is empty, and what looks like a formula is quoted."""
    writer = csv.writer(sys.stdout)
    writer.writerow(headings)
    writer.writerows([[csv_cell(cell) for cell in row] for row in rows])


def markdown(headings: Sequence[str], rows: Rows) -> None:
    """A table of GitHub's Markdown; what would end a cell or a line is escaped."""
    for row in (headings, ["---"] * len(headings), *rows):
        print(f"| {' | '.join(markdown_cell(cell) for cell in row)} |")
