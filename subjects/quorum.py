"""How many members of a quorum may fail. Pure; the one rule, for admission and for the guard."""

from __future__ import annotations


def tolerated_failures(voters: int) -> int:
    """The most that may be away at once while a majority of the voters remains, whichever they are."""
    return max(0, (voters - 1) // 2)
