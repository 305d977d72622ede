"""Waiting for what must come, with a limit that only a broken test reaches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 180.0


async def eventually(
    ask: Callable[[], T], what: str | Callable[[], str] = "it never came to that", seconds: float = PATIENCE
) -> T:
    """Ask until the answer is true, and return it. What `what` returns is said of the moment the patience ended."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + seconds
    while not (answer := ask()):
        assert loop.time() < limit, what if isinstance(what, str) else what()
        await asyncio.sleep(0.01)
    return answer
