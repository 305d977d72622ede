"""Whose turn it is to be asked, where there are more things to ask about than may be asked at once. No I/O.

All of a few regions are asked about in every period. Of hundreds, only `cap` are: first those of which the last word
was bad or is missing, then those that were not asked for longest. So an outage shows within one period on whatever part
of it is asked first, its end is seen region by region without delay, and all the others come round in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from math import ceil
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

CAP = 64
"""At two to four milliseconds of processor time a request, so many in half a second leave most of a core to others."""


class Turns(Generic[K]):
    """Remembers when everything was asked about last (monotonic seconds)."""

    def __init__(self, cap: int = CAP) -> None:
        self._cap = cap
        self._asked: dict[K, float] = {}

    def rounds(self) -> int:
        """How many periods it takes until everything was asked about."""
        return max(1, ceil(len(self._asked) / self._cap))

    def take(self, things: Iterable[K], pressing: Callable[[K], bool], now: float) -> list[K]:
        """At most `cap` of the things, now taken as asked about; those that are no longer there are forgotten."""
        self._asked = {thing: self._asked.get(thing, float("-inf")) for thing in things}
        if len(self._asked) <= self._cap:
            chosen = list(self._asked)
        else:
            chosen = sorted(self._asked, key=lambda thing: (not pressing(thing), self._asked[thing]))[: self._cap]
        for thing in chosen:
            self._asked[thing] = now
        return chosen
