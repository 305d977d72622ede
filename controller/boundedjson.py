"""Parses JSON that may be hostile at a bounded cost.

Decoded, a body may take forty times its size in memory, and deep nesting exhausts the stack of recursive code. So the
structure of a body is counted before it is decoded, and a body with too much of it is refused.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?+', re.DOTALL)
_STRUCTURE = (b",", b":", b"[", b"{")


class JsonRefused(ValueError):
    """The body is no JSON, or exceeds the bounds; the text says which, and quotes nothing of the body."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much structure is accepted.

    `values`: in all. `levels`: of nested lists and objects. `digits`: of an integer. `finite`: NaN and infinities are
    refused, which Python would accept and other JSON parsers would not.
    """

    values: int
    levels: int
    digits: int
    finite: bool


def parse(body: bytes, bounds: Bounds) -> Any:
    """Returns the decoded body. Raises JsonRefused."""
    if count_values(body, bounds.values) > bounds.values:
        raise JsonRefused(f"the JSON holds more than {bounds.values} values")
    number = _finite if bounds.finite else float

    def integer(digits: str) -> int:
        if len(digits) > bounds.digits:
            raise JsonRefused(f"the JSON holds an integer of more than {bounds.digits} digits")
        return int(digits)

    try:
        value = json.loads(body, parse_int=integer, parse_float=number, parse_constant=number)
    except JsonRefused:
        raise
    except (ValueError, RecursionError):
        raise JsonRefused("the body is no JSON") from None
    if not _is_shallow(value, bounds.levels):
        raise JsonRefused(f"the JSON is nested more than {bounds.levels} levels deep")
    return value


def count_values(body: bytes, enough: int) -> int:
    """Returns an upper bound of the number of values in the body.

    Punctuation inside strings counts too, unless that exceeds `enough`: then the strings are left out.
    """
    count = sum(map(body.count, _STRUCTURE))
    if count <= enough:
        return count
    return sum(map(_TEXT.sub(b"", body).count, _STRUCTURE))


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise JsonRefused("the JSON holds a number that is not finite")
    return number


def _is_shallow(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return True
    return False


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
