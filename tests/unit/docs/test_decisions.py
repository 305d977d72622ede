"""The index of decisions names each of them once, by its title."""

from __future__ import annotations

import re
from pathlib import Path

DECISIONS = Path(__file__).parents[3] / "docs" / "decisions"
PAGES = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")


def test_the_index_has_a_line_for_every_decision_in_their_order() -> None:
    listed = re.findall(r"^- \[(\d+)\]\(([\w-]+\.md)\): (.+)$", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    assert [name for _, name, _ in listed] == [path.name for path in PAGES]
    titles = {path.name: path.read_text().splitlines()[0].removeprefix("# ") for path in PAGES}
    for number, name, title in listed:
        assert f"{number}: {title}".lower() == titles[name].lower().rstrip("."), name


def test_no_number_is_given_twice() -> None:
    numbers = [path.name[:3] for path in PAGES]
    assert len(numbers) == len(set(numbers))
