"""Reads the answers of members, which may be broken or hostile.

Somebody who may change a subject's pods can run any program in a member's place. Its answers must cost the controller
little: a controller that dies of an answer takes the attempt with it. Therefore an answer is refused where it is too
long, is compressed, or would grow to a multiple of its size in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Any

from controller.boundedjson import Bounds, JsonRefused, parse

MAX_MEBIBYTES = 8
MAX_VALUES = 500_000
"""8 MiB of `[],` would take 200 MB once decoded; half a million of the like take 40."""

MAX_LEVELS = 64
"""The depth of nested lists and objects: later code may recur over them."""

MAX_DIGITS = 20
"""The digits of an integer: every 64-bit number fits, and none overflows a float."""


class UnreadableAnswer(Exception):
    """An answer that is not read to its end; the text says why."""


async def read_body(chunks: AsyncIterable[bytes], encoding: str | None) -> bytes:
    """Returns the whole body. Raises UnreadableAnswer where it is too long, or has a Content-Encoding (`encoding`)."""
    if encoding not in (None, "", "identity"):
        raise UnreadableAnswer(f"the answer is encoded ({encoding[:32]}), which was not asked for")
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_MEBIBYTES << 20:
            raise UnreadableAnswer(f"answer longer than {MAX_MEBIBYTES} MiB")
        await asyncio.sleep(0)  # a body in a million small chunks must not block the event loop
    return bytes(body)


def read_json(body: bytes) -> Any:
    """Returns the decoded body; None where it is no JSON, or exceeds the bounds above."""
    try:
        return parse(body, Bounds(MAX_VALUES, MAX_LEVELS, MAX_DIGITS, finite=True))
    except JsonRefused:
        return None
