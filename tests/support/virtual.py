"""An event loop whose time is free: when everybody sleeps, it is at once the time at which the first one wakes.

What takes minutes runs in moments, in the same order every time. It knows timers only: no threads, and no sockets that
somebody else is slow to answer on.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a virtual loop of its own."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(work)


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: what it should wait is added to `now`, in seconds."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("everybody waits, and for nothing that will come")
        self.now += timeout if not events and timeout else 0.0
        return events


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now
