"""The page on interleaved arms names every reason for which one goes on alone, and the time after which it does."""

from __future__ import annotations

import re
from pathlib import Path

from controller.api import Reason
from controller.campaign import interleaving
from controller.campaign.locks import PARTNER_SECONDS
from controller.records import arms

DOCS = Path(__file__).parents[3] / "docs"
SECTION = (DOCS / "evidence.md").read_text(encoding="utf-8").split("## Interleaved arms")[1].split("\n## ")[0]


def test_every_reason_is_explained_and_no_other() -> None:
    code = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (interleaving, arms))
    given = {Reason[name].value for name in re.findall(r"Reason\.((?:PARTNER|ARM|GROUP)_\w+)", code)}
    rows = re.findall(r"^\| (`.*?) \|", SECTION, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == given
    assert len(given) == 6


def test_how_long_a_partner_is_waited_for_is_stated() -> None:
    assert f"was not there {PARTNER_SECONDS:g} s after" in SECTION
