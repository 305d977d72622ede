"""Reading what a member says, on the understanding that it may be broken or hostile.

Whoever has power over a subject can put any program in a member's place. What that says must cost the controller
little, whatever it is: a controller that dies of an answer takes the attempt with it. So nothing is read that is too
long, that nobody asked to be encoded, or that would grow to a multiple of its size in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Any

from controller.boundedjson import Bounds, NotRead, read

MOST_MEBIBYTES = 8
MOST_VALUES = 500_000
"""8 MiB of `[],` would take 200 MB once decoded; half a million of the like take 40."""

MOST_LEVELS = 64
"""Of lists and objects in each other. Whoever handles or writes them later may recur."""

MOST_DIGITS = 20
"""Of an integer: every 64-bit number fits, and none overflows a float."""


class Unreadable(Exception):
    """An answer that is not read to its end; the text says why."""


async def take(chunks: AsyncIterable[bytes], encoding: str | None) -> bytes:
    """The whole body. Raises Unreadable where it is too long, or encoded (`encoding`: its Content-Encoding)."""
    if encoding not in (None, "", "identity"):
        raise Unreadable(f"the answer is encoded ({encoding[:32]}), which was not asked for")
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_MEBIBYTES << 20:
            raise Unreadable(f"answer longer than {MOST_MEBIBYTES} MiB")
        await asyncio.sleep(0)  # a body in a million crumbs must not hold up everybody else
    return bytes(body)


def read_json(body: bytes) -> Any:
    """The decoded body; None where it is no JSON, or JSON that nobody would write for us to read."""
    try:
        return read(body, Bounds(MOST_VALUES, MOST_LEVELS, MOST_DIGITS, finite=True))
    except NotRead:
        return None
