"""Whether two sets of restricted times differ in their mean: a test by shuffling, and the interval that belongs to it.

The statistic is the difference over its standard error, not the bare difference: so the test holds its level in large
samples also where the two arms spread differently, as a healed and an unhealed arm do (A. Janssen, "Studentized
permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher problem", Statistics & Probability
Letters 36 (1997), 9-21). In small ones it is exact for arms that do not differ at all.

Paired numbers are flipped within their pairs (R. A. Fisher, "The Design of Experiments", 1935, section 21), others are
dealt to the two arms anew (E. J. G. Pitman, Supplement to the Journal of the Royal Statistical Society 4 (1937),
119-130).

Shuffling asks whether the arms differ at all. Two arms may, and have the same mean: one that is quick and now and then
never recovers, and one that is always slow. Few trials of the first show no failure, and would make it the better one.
So the interval is that of `intervals`, which allows for failures that were not seen, and p is the larger of the p of
the shuffling and of the smallest level at which that interval leaves out 0. Where the shuffling is less sure
than the interval, the interval is widened to 0. So it leaves out 0 exactly when p is at most 0.05; they never
contradict. tests/simulation/test_statistics.py measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from scipy import stats

from controller.analysis import intervals, significance
from controller.analysis.intervals import Bounded
from controller.analysis.significance import LEVEL

MIN_RESAMPLES = 999
NUMBERS = 20_000_000
"""About so many numbers are shuffled in all: large arms get by with fewer shuffles, as each tells more."""
BEYOND = 1e12
"""The statistic of arms that differ and never varied; infinity would not go through the arithmetic."""
BATCH = 2_000_000
"""Numbers shuffled at once: 16 MB."""
HALVINGS = 50
"""Of the range in which p is looked for: to the last digit that a p-value is shown with, and far beyond."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two mean times in seconds, first minus second, with its 95 % interval.

    `p` is the probability of one as large by chance. `shuffles` is how many were looked at, all that there are where
    `exact`.
    """

    value: float
    low: float
    high: float
    p: float
    shuffles: int
    exact: bool

    @property
    def significant(self) -> bool:
        """Whether p is at most 5 %."""
        return self.p <= LEVEL


def difference(
    first: Sequence[float], second: Sequence[float], paired: bool, deadline: float, seed: int = 0
) -> Difference:
    """Test the difference of the mean times, none of them above the deadline, all in seconds.

    As many of them as are `significance.enough`. The same `seed` gives the same answer.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    size = len(a) + len(b)
    shuffled = stats.permutation_test(
        (a, b),
        _of_pairs if paired else _of_groups,
        permutation_type="samples" if paired else "independent",
        alternative="greater",
        n_resamples=min(significance.RESAMPLES, max(MIN_RESAMPLES, NUMBERS // size)),
        batch=max(1, BATCH // size),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    bounded = intervals.pairs(a, b, deadline) if paired else intervals.groups(a, b, deadline)
    by_interval, by_shuffling = _smallest_level(bounded), float(shuffled.pvalue)
    found = bounded(LEVEL)
    value, low, high = float(found.value), float(found.low), float(found.high)
    if by_shuffling > LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    looked_at = len(shuffled.null_distribution)
    exact = looked_at >= (2 ** len(a) if paired else comb(size, len(a)))
    return Difference(value, low, high, max(by_shuffling, by_interval), looked_at, exact)


def _smallest_level(bounded: Callable[[float], Bounded]) -> float:
    """The smallest level at which the interval leaves out 0: its p-value. 1 where it never does."""
    never, always = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (never + always) / 2
        found = bounded(middle)
        if found.low <= 0 <= found.high:
            never = middle
        else:
            always = middle
    return always


def _of_pairs(first: Any, second: Any, axis: int) -> Any:
    return _size(np.mean(first - second, axis=axis), _error_of_pairs(first - second, axis))


def _of_groups(first: Any, second: Any, axis: int) -> Any:
    return _size(np.mean(first, axis=axis) - np.mean(second, axis=axis), _error_of_groups(first, second, axis))


def _error_of_pairs(differences: Any, axis: int) -> Any:
    return np.sqrt(np.var(differences, axis=axis, ddof=1) / differences.shape[axis])


def _error_of_groups(first: Any, second: Any, axis: int) -> Any:
    parts = (np.var(each, axis=axis, ddof=1) / each.shape[axis] for each in (first, second))
    return np.sqrt(sum(parts))


def _size(difference: Any, error: Any) -> Any:
    """The statistic without its sign. Rounded, so that shuffles that are equal but for the last bits tie."""
    zero = np.where(np.abs(difference) > 0, BEYOND, 0.0)
    ratio = np.divide(np.abs(difference), error, out=np.array(zero, dtype=float), where=np.asarray(error) > 0)
    return np.round(ratio, 9)
