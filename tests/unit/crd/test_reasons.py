"""docs/reference.md lists the reasons of phases and conditions as controller/api/reasons.py does."""

from __future__ import annotations

import re
from pathlib import Path

from controller.api import Reason

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"


def test_the_page_lists_every_reason_with_its_meaning_and_nothing_else() -> None:
    section = REFERENCE.read_text(encoding="utf-8").partition("### Reasons")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))
    assert documented == {reason.value: reason.meaning for reason in Reason}


def test_every_reason_is_one_camel_case_word_and_its_meaning_a_sentence() -> None:
    assert [reason for reason in Reason if not re.fullmatch(r"([A-Z][a-z]+)+", reason)] == []
    assert [reason for reason in Reason if not reason.meaning.endswith(".")] == []


def test_a_reason_of_another_version_is_unknown_and_raises_nothing() -> None:
    assert Reason.parse("FromTheFuture") is None
    assert Reason.parse("NotOptedIn") is Reason.NOT_OPTED_IN
