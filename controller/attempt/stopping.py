"""Being told to stop, or to pause, from outside and at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from controller.attempt.outcome import StopReason

T = TypeVar("T")


class Stopped(Exception):
    """Work was broken off because the campaign is to stop."""


class Paused(Exception):
    """Work was broken off, or not begun, because the campaign is to pause."""


class StopSignal:
    """Fires once. `reason` says why; it is None until then."""

    def __init__(self) -> None:
        self._fired = asyncio.Event()
        self.reason: StopReason | None = None

    def fire(self, reason: StopReason) -> None:
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
        return await _unless(self._fired, work, Stopped)


class PauseSwitch:
    """Turned on and off as often as anybody likes; work under its guard is broken off when it is on."""

    def __init__(self) -> None:
        self._on = asyncio.Event()
        self._off = asyncio.Event()
        self._off.set()

    @property
    def on(self) -> bool:
        """Whether the campaign is to pause."""
        return self._on.is_set()

    def turn(self, on: bool) -> None:
        """Turn it on or off; turning it where it is already changes nothing."""
        there, gone = (self._on, self._off) if on else (self._off, self._on)
        gone.clear()
        there.set()

    def check(self) -> None:
        """Raise Paused if it is on."""
        if self.on:
            raise Paused

    async def off(self) -> None:
        """Return once it is off."""
        await self._off.wait()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """As `StopSignal.guard`, but raises Paused."""
        return await _unless(self._on, work, Paused)


async def _unless(happened: asyncio.Event, work: Coroutine[Any, Any, T], error: type[Exception]) -> T:
    if happened.is_set():
        work.close()
        raise error
    working = asyncio.ensure_future(work)
    happening = asyncio.ensure_future(happened.wait())
    try:
        await asyncio.wait({working, happening}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        working.cancel()
        happening.cancel()
        await asyncio.gather(working, happening, return_exceptions=True)
    raise error
