"""What pydantic finds wrong with a value, as a text for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from controller.text import truncate


def describe_invalid(
    error: ValidationError, root: str, *, max_errors: int = 1, length: int | None = None, tell_more: bool = False
) -> str:
    """Returns what pydantic finds wrong as `field.subfield: message; ...`, without the values that were given.

    `root` names the whole value, for errors that are of no field. The first `max_errors` errors are named, and with
    `tell_more` how many more there are. `length` limits each error, in characters, and puts it on one line: names of
    fields may be the author's.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    text = "; ".join(_describe(each, root, length) for each in found[:max_errors])
    return f"{text}; and {len(found) - max_errors} more" if tell_more and len(found) > max_errors else text


def _describe(error: Mapping[str, Any], root: str, length: int | None) -> str:
    place, message = ".".join(map(str, error["loc"])) or root, str(error["msg"])
    if length is None:
        return f"{place}: {message}"
    return " ".join(f"{truncate(place, length // 2)}: {truncate(message, length // 2)}".split())
