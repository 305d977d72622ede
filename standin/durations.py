"""Durations and sizes as PD and TiKV write them: `1m0s`, `500ms`, `9.4GiB`."""

from __future__ import annotations

import re
from functools import cache

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")


@cache
def seconds(text: str) -> float:
    """ValueError where it is no duration."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def duration(nanoseconds: int) -> str:
    """As Go prints it."""
    if nanoseconds < 1_000_000_000:
        return "0s" if nanoseconds == 0 else f"{_plain(nanoseconds / 1e6)}ms"
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{second}" + f".{rest:09d}".rstrip("0").rstrip(".") + "s"
    if minutes:
        text = f"{minute}m{text}"
    return f"{hours}h{text}" if hours else text


def _plain(number: float) -> str:
    return f"{number:f}".rstrip("0").rstrip(".")


def size(count: int) -> str:
    """Bytes, in four digits."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.4g}{units[0]}"
