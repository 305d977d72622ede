"""What is printed is printable: by Unicode's own table, by one rule, in one place."""

from __future__ import annotations

import csv
import io
import logging
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.cli.tables import Column, PrintableConsole, csv_cell, markdown_cell, print_table
from controller.printable import SEEN, PrintableFormatter, one_line, printable, printing, unfiltered

JOINERS = "\u200c\u200d"
"""Between letters of Persian and of Indian scripts, and within emoji: they move nothing."""

CLI = Path(__file__).parents[3] / "controller" / "cli"


def unsafe(text: str) -> set[str]:
    """The characters in it that may not be printed."""
    bad = {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return bad - set("\n\t") - set(JOINERS)


def test_every_character_is_printed_or_replaced_as_its_category_says() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) == "Cn":
            continue  # a later Unicode may give it to somebody
        assert printable(character) == (SEEN if unsafe(character) else character), f"U+{code:04X}"


def test_ends_of_lines_are_kept_and_a_return_alone_is_not() -> None:
    assert printable("a\r\nb\nc\rd") == f"a\r\nb\nc{SEEN}d"
    assert one_line("a\nb\r\nc\u2028d\x0be") == f"a b c{SEEN}d{SEEN}e"


@given(st.text())
def test_what_is_printed_within_the_block_is_printable_by_whatever_way(text: str) -> None:
    out = io.StringIO()
    kept, sys.stdout = sys.stdout, out
    try:
        with printing(), printing():
            print(text)
            sys.stdout.writelines([text])
            csv.writer(sys.stdout).writerow([text])
            assert unfiltered(sys.stdout) is out and not hasattr(sys.stdout, "buffer")
    finally:
        sys.stdout = kept
    assert not unsafe(out.getvalue().replace("\r\n", "\n"))


@given(st.text())
def test_a_console_prints_colours_of_its_own_and_nothing_of_what_it_is_given(text: str) -> None:
    out = io.StringIO()
    console = PrintableConsole(file=out, force_terminal=True, width=40, color_system="truecolor", legacy_windows=False)
    console.print(Text(text, "bold red"))
    console.print(text, markup=False)
    table = Table(title=Text(text))
    table.add_column(Text(text))
    table.add_row(Text.assemble((text, "on blue"), text))
    console.print(table)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        live.update(Text(text), refresh=True)
        live.console.print(Text(text))
    own = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).replace("\r", "")
    assert not unsafe(own)
    # All of rich's escapes are of these kinds: styles, and moves of the line that is drawn again.
    assert set(re.findall(r"\x1b\[[0-9;?]*([A-Za-z])", out.getvalue())) <= set("mAKhlGJ")


def test_a_table_stays_straight_whatever_stands_in_its_cells() -> None:
    out = io.StringIO()
    print_table([Column("A", ["\x1b[2Jx", "four"]), Column("B", ["b", "b"])], Console(file=out, width=40))
    assert out.getvalue().splitlines()[1].rstrip() == f"{SEEN}[2Jx  b"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", f"'{SEEN}=1"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("-3.4", "-3.4"),
        ("+3.4s", "+3.4s"),
        ("1e-5", "1e-5"),
        ("-", "-"),
        ("", ""),
        ("a=b", "a=b"),
        (-3.4, "-3.4"),
        (-3, "-3"),
        (float("-inf"), "-inf"),
        (None, ""),
        ("two\nlines", "two\nlines"),
        ("two\r\nlines", "two\nlines"),
        ("\r\n", "'\n"),
        ("'=1", "'=1"),
    ],
)
def test_a_formula_is_quoted_and_a_number_is_left_alone(value: object, cell: str) -> None:
    assert csv_cell(value) == cell


def test_a_cell_of_markdown_ends_nowhere_but_at_its_end() -> None:
    assert markdown_cell("a|b\nc\\|d") == "a\\|b c\\\\\\|d"
    assert markdown_cell("<img src=x> ![x](http://x) `y`") == "&lt;img src=x> !\\[x](http://x) \\`y\\`"


def test_a_line_of_the_log_cannot_be_forged() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 1, "%s", ("a\n[2026] [ERROR] b\x1b[2J",), None)
    told = PrintableFormatter(logging.Formatter("[now] %(message)s")).format(record)
    assert told == f"[now] a\n    [2026] [ERROR] b{SEEN}[2J"


def test_no_command_has_a_console_of_its_own() -> None:
    """All that is printed passes by one place."""
    for path in CLI.rglob("*.py"):
        assert not re.search(
            r"(?<!Printable)\bConsole\(", path.read_text().replace("class PrintableConsole(Console)", "")
        )
    for path in CLI.glob("*/__init__.py"):
        text = path.read_text()
        if "typer.echo" in text or "print(" in text:
            assert "exit_on_error()" in text, path
