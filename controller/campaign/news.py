"""Telling everybody who waits for the same thing that it has changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class News:
    """One object for the process, with as many keys as somebody waits for."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[asyncio.Event, int]] = {}
        self._told: dict[str, str] = {}

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

    def tell(self, key: str, what: str) -> None:
        """It is so now: everybody who waits for it goes on, but not where that is what was told last.

        All who wait see the same change: what each of them told the others would be told as often as they are.
        """
        found = self._waiting.get(key)
        if found is None or self._told.get(key) == what:
            return
        self._told[key] = what
        del self._waiting[key]
        found[0].set()

    def _leave(self, key: str, event: asyncio.Event) -> None:
        known, waiters = self._waiting.get(key, (None, 0))
        if known is event:
            if waiters == 1:
                del self._waiting[key]
                self._told.pop(key, None)
            else:
                self._waiting[key] = (event, waiters - 1)
