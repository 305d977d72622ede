"""An event loop whose time is free: when everybody sleeps, it is at once the time at which the first one wakes.

What takes minutes runs in moments, in the same order every time. Work in threads, such as a commit, takes no time at
all: while some is under way, nothing is skipped. It knows no sockets that somebody else is slow to answer on.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a virtual loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


class VirtualClock:
    """What `controller.clock.Clock` is, by the time of the loop that runs where it is made. Threads may ask it too."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> datetime:
        """The time now, UTC."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._loop.time())


class _Skipping(selectors.DefaultSelector):
    """Waits for threads only: what it should wait beside is added to `now`, in seconds."""

    now = 0.0
    threads = 0
    """How many pieces of work are under way in threads; each wakes the loop when it is done."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads and (timeout is None or timeout > 0):
            return super().select(None)
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("everybody waits, and for nothing that will come")
        self.now += timeout if not events and timeout else 0.0
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop itself, for whoever makes loops."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now

    def hold_up(self, seconds: float) -> None:
        """As if somebody had not let go of the loop for so long."""
        self._skipping.now += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        self._skipping.threads += 1
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self) -> None:
        self._skipping.threads += 1  # a thread waits for the others
        try:
            await super().shutdown_default_executor()
        finally:
            self._skipping.threads -= 1

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._skipping.threads -= 1
