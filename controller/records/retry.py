"""Writes that must not be lost: wait, say why, and write again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from controller.records.errors import RecordsUnavailable

T = TypeVar("T")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
"""Seconds between two tries: doubled from the first to the longest."""


async def until_reached(
    call: Callable[[], Awaitable[T]], on_wait: Callable[[str], None], first_pause: float = FIRST_PAUSE
) -> T:
    """Repeat `call` until the records can be reached, and return what it returned.

    While the disk is full or the database locked, `on_wait` is told the reason before each pause; the caller shows it
    (a condition, a log line). There is no limit: a result that cannot be recorded must not be forgotten, and the fault
    it belongs to still has to be undone. Every other exception, and cancellation, comes through. A write that raised
    RecordsUnavailable was rolled back whole, so repeating it doubles nothing.
    """
    pause = first_pause
    while True:
        try:
            return await call()
        except RecordsUnavailable as unavailable:
            on_wait(str(unavailable))
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
