"""How many members of a quorum may fail: one rule for the preconditions and for the guard. Pure."""

from __future__ import annotations


def tolerated_failures(voters: int) -> int:
    """Returns how many voters may fail at once, whichever they are, so that a majority remains."""
    return max(0, (voters - 1) // 2)
