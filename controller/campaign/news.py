"""Telling everybody who waits for the same thing that it has changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class News:
    """One object for the process, with as many keys as somebody waits for."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[asyncio.Event, int]] = {}

    async def wait(self, key: str, seconds: float) -> None:
        """Return when somebody tells of this key, or after so many seconds."""
        event, waiters = self._waiting.get(key, (asyncio.Event(), 0))
        self._waiting[key] = (event, waiters + 1)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            self._leave(key, event)

    def tell(self, key: str) -> None:
        """Something has changed; everybody who waits for it goes on."""
        if (found := self._waiting.pop(key, None)) is not None:
            found[0].set()

    def _leave(self, key: str, event: asyncio.Event) -> None:
        known, waiters = self._waiting.get(key, (None, 0))
        if known is event:
            if waiters == 1:
                del self._waiting[key]
            else:
                self._waiting[key] = (event, waiters - 1)
