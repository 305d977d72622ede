"""What is asked of a campaign while it runs: by its spec, by its deletion, by the end of the controller.

There are two signals, because a campaign that is aborted does not go: its driver undoes the fault, says so, and stays
until it is told to leave as well. The first reason to halt is the one that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from controller.api import Controls
from controller.attempt.outcome import StopReason
from controller.attempt.stopping import Paused, PauseSwitch, StopSignal

T = TypeVar("T")


class Control:
    """Belongs to one driver, which obeys it. `controls` are those heeded last."""

    def __init__(self, controls: Controls) -> None:
        self.halt = StopSignal()
        """Fires when no more trials are to be run, for whatever reason."""
        self.gone = StopSignal()
        """Fires when the driver is to end: the campaign is deleted, or the controller exits."""
        self.pause = PauseSwitch()
        self.changed = asyncio.Event()
        """Set by the next `heed`, which puts a new one in its place."""
        self.heed(controls)

    def heed(self, controls: Controls) -> None:
        """Take in the spec as it is now: the newest holds. An abort cannot be taken back."""
        self.controls = controls
        self.pause.turn(controls.suspend)
        if controls.abort:
            self.halt.fire(StopReason.ABORTED)
        self.changed.set()
        self.changed = asyncio.Event()

    def leave(self, reason: StopReason) -> None:
        """End, as soon as nothing of the campaign is left in the subject."""
        self.halt.fire(reason)
        self.gone.fire(reason)

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Halt, as overdue, unless the block ends in so many seconds. None: it has all the time there is."""
        if seconds is None:
            yield
            return
        timer = asyncio.get_running_loop().call_later(seconds, self.halt.fire, StopReason.OVERDUE)
        try:
            yield
        finally:
            timer.cancel()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what may be broken off for a pause as well: raises Stopped or Paused; where both hold, Stopped."""
        try:
            return await self.halt.guard(self.pause.guard(work))
        except Paused:
            self.halt.check()
            raise
        finally:
            work.close()  # where it never came to begin
