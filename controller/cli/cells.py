"""Cells of tables that another program reads: CSV for spreadsheets, GitHub's Markdown. Pure functions."""

from __future__ import annotations

import re

from controller.printable import one_line, printable

_FORMULA = re.compile("[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""With what a cell begins that a spreadsheet would compute, or ask the network for; also as wide characters."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?s?")


def csv_cell(value: object) -> str:
    """A cell of a CSV file, empty for None.

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
    """A cell of a table: what would end it or its line, or begin a tag, a link or code, is escaped."""
    text = one_line(text)
    for bad, good in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("[", "\\["), ("`", "\\`")):
        text = text.replace(bad, good)
    return text
