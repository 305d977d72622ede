"""The way to PD's leader: whom to ask, and when to try another. The store sends; this only knows where."""

from __future__ import annotations

from collections.abc import Sequence

RETRY_SECONDS = 0.3
"""Between two tries, as TiKV's `pd.retry-interval`."""

SEARCH_PATIENCE_SECONDS = 1.0
"""For an answer to who leads, before the next member is asked."""

PATIENCE_SECONDS = 3.0
"""For an answer of the leader, before its way is taken for broken."""


class PdLink:
    def __init__(self, endpoints: Sequence[str]) -> None:
        self._endpoints = list(endpoints)
        self.address = self._endpoints[0]
        self.good = False
        """The address has answered as PD's leader, and nothing was amiss since."""
        self._next_try = 0.0
        self._waiting_since: float | None = None

    @property
    def due(self) -> float:
        """When it wants to be looked at, in seconds since the epoch."""
        if self._waiting_since is None:
            return float("inf") if self.good else self._next_try
        return self._waiting_since + (PATIENCE_SECONDS if self.good else SEARCH_PATIENCE_SECONDS)

    def wants_to_ask(self, now: float) -> bool:
        """Whether it is time to look for the leader, at `address`."""
        if now < self.due:
            return False
        if self._waiting_since is not None:  # nobody answered in time
            self._turn()
        self.good, self._waiting_since = False, None
        return True

    def expect(self, now: float) -> None:
        """Something is sent that a leader answers."""
        if self._waiting_since is None:
            self._waiting_since = now

    def answered(self) -> bool:
        """The leader answered. True where this is news."""
        was, self.good, self._waiting_since = self.good, True, None
        return not was

    def redirect(self, now: float, leader: str | None) -> None:
        """Who answered does not lead; `leader` does, if anybody."""
        self.good, self._waiting_since = False, None
        if leader is None or leader == self.address:
            self._turn()
            self._next_try = now + RETRY_SECONDS
        else:
            if leader not in self._endpoints:
                self._endpoints.append(leader)
            self.address, self._next_try = leader, now

    def lose(self, now: float) -> None:
        """The address cannot be reached."""
        self._turn()
        self.good, self._waiting_since, self._next_try = False, None, now + RETRY_SECONDS

    def _turn(self) -> None:
        self.address = self._endpoints[(self._endpoints.index(self.address) + 1) % len(self._endpoints)]
