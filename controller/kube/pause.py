"""How long to wait before the next try: the first at once, then longer each time."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pause:
    """Seconds: 0, then `first`, then twice as many each time up to `most`.

    What went well for longer than `forget_after` seconds begins anew. `now` is monotonic, in seconds.
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
        """What to wait now, in seconds."""
        now = self._now()
        if self._last is None or now - self._last > self._forget_after:
            self._seconds = 0.0
        else:
            self._seconds = min(self._most, self._seconds * 2 or self._first)
        self._last = now + self._seconds
        return self._seconds
