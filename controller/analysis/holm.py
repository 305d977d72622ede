"""Several comparisons at once: one in twenty of them would come out by chance alone."""

from __future__ import annotations

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values, in their order, adjusted so that any false finding among all of them is as rare as one was.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979),
    65-70: the smallest is multiplied by how many there are, the next by one less, and none falls below one before it.
    """
    adjusted = [0.0] * len(ps)
    least = 0.0
    for rank, which in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, ps[which] * (len(ps) - rank)))
        adjusted[which] = least
    return adjusted
