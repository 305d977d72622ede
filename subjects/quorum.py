"""How many of those that vote together may be away. Pure; the one rule, for admission and for the guard."""

from __future__ import annotations


def most_away(voting: int) -> int:
    """The most that may be away at once while a majority of the voters remains, whichever they are."""
    return max(0, (voting - 1) // 2)
