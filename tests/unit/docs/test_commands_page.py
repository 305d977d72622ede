"""The page about commands knows every program that is classified by its verbs, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from controller.agents.shell import classify
from controller.agents.shell.programs import PROGRAMS

PAGE = (Path(__file__).parents[3] / "docs" / "agents" / "commands.md").read_text()
ROWS = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in PAGE.splitlines() if re.match(r"\| `", line)]
ALIASES = {"pdctl", "tikvctl"}


def test_every_program_with_verbs_has_its_row() -> None:
    named = {name for row in ROWS for name in re.findall(r"`([\w-]+)`", row[0])}
    assert set(PROGRAMS) - ALIASES <= named


@pytest.mark.parametrize("program", ["kubectl", "pd-ctl", "tikv-ctl", "etcdctl", "docker", "systemctl", "helm", "tiup"])
@pytest.mark.parametrize(("column", "judged"), [(1, (False, False)), (2, (True, False)), (3, (True, True))])
def test_a_verb_is_classified_as_its_row_says(program: Any, column: Any, judged: Any) -> None:
    (row,) = (row for row in ROWS if f"`{program}`" in row[0])
    for verb in re.findall(r"`([a-z][\w =-]*)`", row[column]):
        told = f"{program} {verb} x" if verb != "down" else f"{program} compose down"
        found = classify(told)
        assert (found.mutating, found.destructive) == judged, (told, found.reason)
