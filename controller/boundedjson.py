"""JSON of somebody who may be hostile, read so that it costs little whatever it is.

Decoded, a body may take forty times its size in memory, and what is nested deeply enough breaks whoever recurs. So its
structure is counted before it is decoded, and what has too much of it is not.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?+', re.DOTALL)
_STRUCTURE = (b",", b":", b"[", b"{")


class NotRead(ValueError):
    """The body is no JSON, or holds more than is read; the text says which, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much structure is read.

    `values` in all; `levels` of lists and objects in each other; `digits` of an integer. `finite`: refuse NaN and
    infinities, which Python would read, and write into a record that others cannot.
    """

    values: int
    levels: int
    digits: int
    finite: bool


def read(body: bytes, bounds: Bounds) -> Any:
    """The decoded body. Raises NotRead."""
    if count_values(body, bounds.values) > bounds.values:
        raise NotRead(f"the JSON holds more than {bounds.values} values")
    number = _finite if bounds.finite else float

    def integer(digits: str) -> int:
        if len(digits) > bounds.digits:
            raise NotRead(f"the JSON holds an integer of more than {bounds.digits} digits")
        return int(digits)

    try:
        value = json.loads(body, parse_int=integer, parse_float=number, parse_constant=number)
    except NotRead:
        raise
    except (ValueError, RecursionError):
        raise NotRead("the body is no JSON") from None
    if not _is_shallow(value, bounds.levels):
        raise NotRead(f"the JSON is nested more than {bounds.levels} levels deep")
    return value


def count_values(body: bytes, enough: int) -> int:
    """An upper bound of the values in it; exact in what stands between texts only where the quick count says too many.

    Never above `enough` for a body whose texts alone hold so many commas.
    """
    count = sum(map(body.count, _STRUCTURE))
    if count <= enough:
        return count
    return sum(map(_TEXT.sub(b"", body).count, _STRUCTURE))


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise NotRead("the JSON holds a number that is not finite")
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
