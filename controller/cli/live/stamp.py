"""How long ago it began, before every line that is told."""

from __future__ import annotations

import time


class Stamp:
    """Minutes and seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        return f"{minutes:2}:{seconds:02}"
