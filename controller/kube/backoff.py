"""Exponential backoff: the first try at once, then longer waits each time."""

from __future__ import annotations

import time
from collections.abc import Callable


class Backoff:
    """Waits in seconds: 0, then `first`, then twice as long each time up to `most`.

    It is reset after `forget_after` seconds without a call. `now` is monotonic, in seconds.
    """

    def __init__(
        self, first: float, most: float, forget_after: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = first
        self._most = most
        self._forget_after = forget_after
        self._now = now
        self._last: float | None = None
        self._seconds = 0.0

    def next(self) -> float:
        """Returns the wait before the next try, in seconds."""
        now = self._now()
        if self._last is None or now - self._last > self._forget_after:
            self._seconds = 0.0
        else:
            self._seconds = min(self._most, self._seconds * 2 or self._first)
        self._last = now + self._seconds
        return self._seconds
