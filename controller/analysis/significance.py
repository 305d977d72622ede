"""The smallest p-value that few trials can have, and the correction for several comparisons. Needs no package.

Shuffling can be no surer than the number of ways there are. Of pairs, the one way that was seen and its mirror image
are two of 2**n; of two groups it is one of as many as there are to choose the first, and its mirror image where both
have the same size. Where there are more ways than are looked at, the number looked at is the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

LEVEL = 0.05
"""The significance level: a p-value of at most this names a winner."""
RESAMPLES = 9_999
"""The most permutations that a test computes, beside the observed one."""


def least_p(first: int, second: int, paired: bool) -> float:
    """Returns the smallest p-value that so many trials of each arm can have; of pairs, `first` is their number."""
    if paired:
        ways, seen = 1 << first, 2
    elif min(first, second) < 2:
        return 1.0
    else:
        ways, seen = comb(first + second, first), 2 if first == second else 1
    return min(1.0, max(seen / ways, 1 / (RESAMPLES + 1)))


def enough(first: int, second: int, paired: bool) -> bool:
    """Returns whether any result with so many trials could name a winner, in a single comparison."""
    return least_p(first, second, paired) <= LEVEL


def fewest_pairs(comparisons: int = 1) -> int:
    """Returns the smallest number of pairs that could name a winner, in each of so many comparisons."""
    return next(n for n in range(1, 64) if comparisons * least_p(n, n, True) <= LEVEL)


def holm(ps: Sequence[float]) -> list[float]:
    """Returns the p-values, in their order, adjusted to bound the probability of any false finding among them.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979),
    65-70: the smallest is multiplied by how many there are, the next by one less, and none falls below one before it.
    """
    adjusted = [0.0] * len(ps)
    least = 0.0
    for rank, which in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        least = max(least, min(1.0, ps[which] * (len(ps) - rank)))
        adjusted[which] = least
    return adjusted
