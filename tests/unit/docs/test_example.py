"""The example in docs/ says what its records say: its own recipe for doing it by hand is run on them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "docs" / "example"


def test_the_recipe_gives_the_difference_that_the_verdict_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe,) = re.findall(r"```python\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(EXAMPLE)
    exec(compile(recipe, "recipe", "exec"), {})
    found = float(capsys.readouterr().out)
    for page in ("README.md", "report.html"):
        (said,) = set(re.findall(r"difference (-?[\d.]+) s", (EXAMPLE / page).read_text()))
        assert round(found, 2) == float(said)
