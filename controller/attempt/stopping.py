"""How a campaign is asked to stop or to pause, from outside and at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from controller.attempt.outcome import StopReason

T = TypeVar("T")


class Stopped(Exception):
    """Work was cancelled because the campaign is to stop."""


class Paused(Exception):
    """Work was cancelled, or not begun, because the campaign is to pause."""


class StopSignal:
    """A signal that fires once. `reason` says why it fired; it is None until then."""

    def __init__(self) -> None:
        self._fired = asyncio.Event()
        self.reason: StopReason | None = None

    def fire(self, reason: StopReason) -> None:
        """Cancels all guarded work. A second reason does not replace the first."""
        if self.reason is None:
            self.reason = reason
            self._fired.set()

    def check(self) -> None:
        """Raises Stopped if the signal has fired."""
        if self.reason is not None:
            raise Stopped

    async def sleep(self, seconds: float) -> None:
        """Sleeps; raises Stopped as soon as the signal fires."""
        await self.guard(asyncio.sleep(seconds))

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work` and returns its result. When the signal fires, cancels it, waits for its end and raises Stopped.

        `work` does not begin if the signal has fired already.
        """
        return await _guard(work, self._fired, Stopped)


class PauseSwitch:
    """A switch that may be turned on and off many times. Turning it on cancels the work under its guard."""

    def __init__(self) -> None:
        self._on = asyncio.Event()
        self._off = asyncio.Event()
        self._off.set()

    @property
    def on(self) -> bool:
        """Returns whether the campaign is to pause."""
        return self._on.is_set()

    def turn(self, on: bool) -> None:
        """Turns the switch on or off; nothing happens where it is so already."""
        set_now, cleared = (self._on, self._off) if on else (self._off, self._on)
        cleared.clear()
        set_now.set()

    def check(self) -> None:
        """Raises Paused if the switch is on."""
        if self.on:
            raise Paused

    async def off(self) -> None:
        """Returns once the switch is off."""
        await self._off.wait()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work` as `StopSignal.guard` does, but raises Paused."""
        return await _guard(work, self._on, Paused)


async def _guard(work: Coroutine[Any, Any, T], event: asyncio.Event, error: type[Exception]) -> T:
    """Does `work` unless the event is set or becomes set; then it is cancelled, and `error` raised."""
    if event.is_set():
        work.close()
        raise error
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
    raise error
