"""The one clock: UTC that never jumps.

The wall clock is read once, at start; from then on the monotonic clock is added to it. A step of the wall clock (NTP, a
person) in the middle of a trial can therefore neither shorten nor stretch what the record says it took.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Reads the time. One object serves the whole process."""

    def __init__(self) -> None:
        self._wall = datetime.now(UTC)
        self._monotonic = time.monotonic()

    def now(self) -> datetime:
        """The time now, UTC."""
        return self._wall + timedelta(seconds=time.monotonic() - self._monotonic)
