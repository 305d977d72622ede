"""What pydantic finds wrong, in the words of people who write YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from controller.status import clip

MOST = 3
"""So many complaints are told: they stand in every condition of a status that must stay small."""

LENGTH = 160
"""Characters of one complaint. Names of fields may be the author's, and then of any length and script."""


def in_words(error: ValidationError) -> str:
    """The first complaints, as `field.subfield: what is wrong`, on one line, and how many more there are."""
    found = error.errors(include_url=False, include_input=False)
    told = "; ".join(_one(each) for each in found[:MOST])
    return told if len(found) <= MOST else f"{told}; and {len(found) - MOST} more"


def _one(complaint: Mapping[str, Any]) -> str:
    place = ".".join(map(str, complaint["loc"])) or "spec"
    return " ".join(f"{clip(place, LENGTH // 2)}: {clip(complaint['msg'], LENGTH // 2)}".split())
