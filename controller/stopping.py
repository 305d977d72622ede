"""Being told to stop, from outside, at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from controller.outcome import Stop

T = TypeVar("T")


class Stopped(Exception):
    """Work was broken off because the campaign is to stop."""


class StopSignal:
    """Fires once. `reason` says why; it is None until then."""

    def __init__(self) -> None:
        self._fired = asyncio.Event()
        self.reason: Stop | None = None

    def fire(self, reason: Stop) -> None:
        """Tell everyone who is guarded. A second reason does not replace the first."""
        if self.reason is None:
            self.reason = reason
            self._fired.set()

    def check(self) -> None:
        """Raise Stopped if the signal has fired."""
        if self.reason is not None:
            raise Stopped

    async def sleep(self, seconds: float) -> None:
        """Pause; raises Stopped at once when the signal fires."""
        await self.guard(asyncio.sleep(seconds))

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` to its end, or cancel it the moment the signal fires, wait until it is gone, and raise Stopped.

        When the signal has fired already, `work` does not even begin.
        """
        if self.reason is not None:
            work.close()
            raise Stopped
        working = asyncio.ensure_future(work)
        firing = asyncio.ensure_future(self._fired.wait())
        try:
            await asyncio.wait({working, firing}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
        finally:
            working.cancel()
            firing.cancel()
            await asyncio.gather(working, firing, return_exceptions=True)
        raise Stopped
