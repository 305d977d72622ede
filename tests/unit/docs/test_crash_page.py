"""The page about kills knows every point, and the tests it names are there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.crash.plan import every_point
from tests.crash.table import COLUMNS

REPO = Path(__file__).parents[3]
PAGE = (REPO / "docs" / "crash.md").read_text()


def test_the_table_it_shows_has_every_point_in_order_and_only_columns_that_there_are() -> None:
    (shown,) = re.findall(r"```\n(killed at.*?)```", PAGE, re.DOTALL)
    header, *rows = [re.split(r"  +", line) for line in shown.strip().splitlines()]
    assert set(header) <= set(COLUMNS)
    assert [row[0] for row in rows] == [*every_point(), "all"]


def test_the_tests_it_names_are_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert len(named) >= 4
    assert [name for name in named if not (REPO / name).exists()] == []
