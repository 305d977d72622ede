"""The requests to a campaign while it runs: by its spec, by its deletion, by the end of the controller.

There are two signals, because an aborted campaign keeps its driver: the driver reverts the fault, writes the status,
and stays until it is asked to shut down as well. The first of several reasons to stop counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from controller.api import Controls
from controller.attempt.outcome import StopReason
from controller.attempt.stopping import Paused, PauseSwitch, StopSignal

T = TypeVar("T")

GRACE = timedelta(seconds=60)
"""How long a driver's heartbeat may be overdue before the liveness probe fails."""


class Control:
    """The signals of one driver. `controls` is the part of the spec that was applied last."""

    def __init__(self, controls: Controls) -> None:
        self.stop = StopSignal()
        """Fires when no more trials are to be run, for whatever reason."""
        self.shutdown = StopSignal()
        """Fires when the driver is to end: the campaign is deleted, or the controller exits."""
        self.pause = PauseSwitch()
        self.changed = asyncio.Event()
        """Set by the next `apply_spec`, which puts a new event in its place."""
        self.apply_spec(controls)

    def apply_spec(self, controls: Controls) -> None:
        """Applies the newest spec. An abort cannot be taken back."""
        self.controls = controls
        self.pause.turn(controls.suspend)
        if controls.abort:
            self.stop.fire(StopReason.ABORTED)
        self.changed.set()
        self.changed = asyncio.Event()

    def shut_down(self, reason: StopReason) -> None:
        """Stops the trials and, once nothing of the campaign is left in the subject, the driver."""
        self.stop.fire(reason)
        self.shutdown.fire(reason)

    @contextmanager
    def time_limit(self, seconds: float | None) -> Iterator[None]:
        """Stops the trials as overdue unless the block ends in so many seconds. None is no limit."""
        if seconds is None:
            yield
            return
        timer = asyncio.get_running_loop().call_later(seconds, self.stop.fire, StopReason.OVERDUE)
        try:
            yield
        finally:
            timer.cancel()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Does `work` unless the campaign is stopped or paused. Raises Stopped or Paused; where both hold, Stopped."""
        try:
            return await self.stop.guard(self.pause.guard(work))
        except Paused:
            self.stop.check()
            raise
        finally:
            work.close()  # where it was never started


class Heartbeat:
    """When a driver must show that it is alive the next time. `due_at` is that time, GRACE included."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.due_at = now() + GRACE

    def beat(self, until: datetime | None = None) -> None:
        """Shows that the driver is alive; the next beat is due at `until`, or now where that is past or not given."""
        now = self._now()
        self.due_at = max(until or now, now) + GRACE

    def extend(self) -> None:
        """Shows that the driver is alive; what was due later stays so."""
        self.beat(self.due_at - GRACE)

    def rest(self) -> None:
        """Nothing is due: the driver waits for something that may take any time."""
        self.due_at = datetime.max.replace(tzinfo=UTC)
