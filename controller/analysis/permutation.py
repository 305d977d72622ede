"""A permutation test of the difference of two mean restricted times, and the matching confidence interval.

The statistic is the difference divided by its standard error. So the test keeps its level in large samples also where
the two arms have different variances, as a healed and an unhealed arm do (A. Janssen, "Studentized
permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher problem", Statistics & Probability
Letters 36 (1997), 9-21). In small samples it is exact for arms with the same distribution.

Paired times are swapped within their pairs (R. A. Fisher, "The Design of Experiments", 1935, section 21). Unpaired
times are reassigned to the two arms (E. J. G. Pitman, Supplement to the Journal of the Royal Statistical Society 4
(1937), 119-130).

The permutation test detects any difference of the distributions. Two arms with different distributions can have the
same mean, for example one that is usually fast but sometimes never recovers, and one that is always slow. A few trials
of the first may show no failure, and it would wrongly be called better. So the interval is that of `intervals`, which
allows for failures that were not observed. The p-value is the larger of the permutation test's p and the smallest level
at which that interval excludes 0. Where only the permutation test is not significant, the interval is widened to
include 0. So the interval excludes 0 exactly when p is at most 0.05. tests/simulation/test_statistics.py measures
both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from scipy import stats

from controller.analysis import intervals, significance
from controller.analysis.intervals import IntervalEstimate
from controller.analysis.significance import LEVEL

MIN_RESAMPLES = 999
NUMBERS = 20_000_000
"""The approximate total of permuted values. Large arms need fewer permutations, because each holds more values."""
BEYOND = 1e12
"""The statistic of arms that differ and have no variance. It stands for infinity, which the arithmetic cannot take."""
BATCH = 2_000_000
"""Values permuted at once: 16 MB."""
HALVINGS = 50
"""Bisection steps in the search for p. They give more digits than a p-value is shown with."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two mean times in seconds, first minus second, with its 95 % interval.

    `p` is the probability of a difference this large by chance. `shuffles` is the number of permutations, which are all
    possible ones where `exact`.
    """

    value: float
    low: float
    high: float
    p: float
    shuffles: int
    exact: bool

    @property
    def significant(self) -> bool:
        """Returns whether p is at most 5 %."""
        return self.p <= LEVEL


def difference(
    first: Sequence[float], second: Sequence[float], paired: bool, deadline: float, seed: int = 0
) -> Difference:
    """Tests the difference of the mean times, in seconds. No time may exceed the deadline.

    The arms must be large enough for `significance.enough`. The result is the same for the same `seed`.
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
    bounded = intervals.paired_difference(a, b, deadline) if paired else intervals.unpaired_difference(a, b, deadline)
    by_interval, by_shuffling = _smallest_level(bounded), float(shuffled.pvalue)
    found = bounded(LEVEL)
    value, low, high = float(found.value), float(found.low), float(found.high)
    if by_shuffling > LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    permutations = len(shuffled.null_distribution)
    exact = permutations >= (2 ** len(a) if paired else comb(size, len(a)))
    return Difference(value, low, high, max(by_shuffling, by_interval), permutations, exact)


def _smallest_level(bounded: Callable[[float], IntervalEstimate]) -> float:
    """Returns the smallest level at which the interval excludes 0, which is its p-value; 1 where it never does."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = bounded(middle)
        if found.low <= 0 <= found.high:
            low = middle
        else:
            high = middle
    return high


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
    """Returns the absolute statistic, rounded, so that permutations that differ only in the last bits count as ties."""
    zero = np.where(np.abs(difference) > 0, BEYOND, 0.0)
    ratio = np.divide(np.abs(difference), error, out=np.array(zero, dtype=float), where=np.asarray(error) > 0)
    return np.round(ratio, 9)
