"""The page about the stand-in keeps its word: its table is of the recordings as they are, and covers all of them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulation.standin_table import recorded
from tests.support.standin.scripts import SCRIPTS

PAGE = (Path(__file__).parents[3] / "docs" / "standin.md").read_text()


def rows() -> dict[tuple[str, str], list[str]]:
    """By recording and what happened: the cells that follow."""
    found, name = {}, ""
    for line in re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE):
        cells = line.split(" | ")
        if len(cells) == 7 and cells[0] != "recording":
            name = cells[0].strip() or name
            found[name, cells[1]] = cells[2:]
    return found


def test_it_shows_what_was_recorded() -> None:
    told = {at: float(cells[0]) for at, cells in rows().items() if cells[0] != "-"}
    known = {
        (name, what): round(value, 1)
        for script in SCRIPTS
        for name, (found, _) in recorded(script).items()
        for what, value in found.items()
    }
    assert told == known


BY_CHANCE = {"quorum_loss_fixed": "pending", "pd_leader_kill": "store"}
"""What the page says of these."""


def test_what_was_recorded_came_in_every_run_of_the_stand_in_and_what_was_not_in_none() -> None:
    for (name, what), (was, *_, runs) in rows().items():
        came, of = map(int, runs.split("/"))
        if BY_CHANCE.get(name, "-") not in what:
            assert came == (of if was != "-" else 0), (name, what)
