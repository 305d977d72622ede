"""How often TiKV is asked, and how patiently."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """From question to question (start to start), and how long an answer may take, in seconds.

    Elections take a TiKV ten to twenty seconds, so half a second is a fine enough grid; a frozen store is found silent
    within `period + limit`, and until then what it said last still holds.
    """

    period: float = 0.5
    limit: float = 1.0

    @property
    def max_age(self) -> float:
        """A reply that was asked longer ago no longer holds: a later one should have come by now.

        The next one is asked a period later and may take its limit; a busy machine gets another period.
        """
        return 2 * self.period + self.limit
