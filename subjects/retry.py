"""Retries calls while a server cannot be reached: the one rule of when a call is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from subjects.cluster import ClusterUnreachable

T = TypeVar("T")

RETRY_SECONDS = 0.5


async def retry_until_reachable(
    call: Callable[[], Awaitable[T]],
    on_wait: Callable[[str], None],
    pause_seconds: float = RETRY_SECONDS,
    unreachable: type[Exception] = ClusterUnreachable,
) -> T:
    """Repeats `call` until it does not raise `unreachable`, and returns what it returned.

    `on_wait` gets the reason before each pause. There is no limit: the caller sets one. Every other exception, and
    cancellation, comes through. Only for calls that may be made twice.
    """
    while True:
        try:
            return await call()
        except unreachable as error:
            on_wait(str(error))
        await asyncio.sleep(pause_seconds)
