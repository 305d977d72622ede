"""How often TiKV's members are asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How often members are asked (from start to start) and how long an answer may take, in seconds."""

    period: float = 0.5
    limit: float = 1.0

    @property
    def max_age(self) -> float:
        """A reply that was asked longer ago no longer holds: a later one should have come by now."""
        return self.period + self.limit
