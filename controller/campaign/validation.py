"""Validation errors of pydantic as text for people who write YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from controller.status import clip

MAX_ERRORS = 3
"""How many errors are listed: they stand in every condition of a status that must stay small."""

MAX_LENGTH = 160
"""Characters of one error. Names of fields may be the author's, and then of any length and script."""


def describe_errors(error: ValidationError) -> str:
    """Return the first errors, each as `field.subfield: message`, on one line, and how many more there are."""
    found = error.errors(include_url=False, include_input=False)
    listed = "; ".join(_describe(each) for each in found[:MAX_ERRORS])
    return listed if len(found) <= MAX_ERRORS else f"{listed}; and {len(found) - MAX_ERRORS} more"


def _describe(error: Mapping[str, Any]) -> str:
    path = ".".join(map(str, error["loc"])) or "spec"
    return " ".join(f"{clip(path, MAX_LENGTH // 2)}: {clip(error['msg'], MAX_LENGTH // 2)}".split())
