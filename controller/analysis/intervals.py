"""Computes confidence intervals of restricted mean times, of rates, and of their differences, on arrays.

A trial that did not recover counts with the deadline. So a mean time is the deadline minus a product: the share of
trials that recovered, times the mean gap between their recovery and the deadline. Student's interval of the times
themselves is far too narrow where failures are rare, because a sample without failures does not show their cost.
Therefore the share gets Wilson's interval and the gap gets Student's, and the two are combined by the method of
variance estimates recovery (MOVER): the squared distance of a bound from the estimate is the sum of the squared
distances of the two bounds that it is made of. G. Y. Zou and A. Donner, "Construction of confidence limits about effect
measures: a general approach", Statistics in Medicine 27 (2008), 1693-1702. For two shares it is the interval of
R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10.

Coverage is measured by tests/simulation/test_statistics.py; the figures stand in docs/evidence.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from scipy import special, stats

from controller.analysis.significance import LEVEL

Array = Any


@dataclass(frozen=True, slots=True)
class IntervalEstimate:
    """An estimate and its interval, each a number or an array of them."""

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True)
class RestrictedTimes:
    """A summary of restricted times: `n` of them, of which `recovered` came before the `deadline` (seconds).

    `gap` is the mean time from those recoveries to the deadline, `variance` that of this mean. Of fewer than two
    recoveries the variance is not known, and of none the gap is not.
    """

    n: int
    recovered: Array
    gap: Array
    variance: Array
    deadline: float

    @classmethod
    def of(cls, times: Array, deadline: float) -> RestrictedTimes:
        """Returns the summary of times in seconds, none above the deadline, along the last axis."""
        gaps = deadline - np.asarray(times, dtype=float)
        recovers = gaps > 0
        recovered = recovers.sum(axis=-1)
        gap = gaps.sum(axis=-1) / np.maximum(recovered, 1)
        squares = np.where(recovers, (gaps - gap[..., None]) ** 2, 0.0).sum(axis=-1)
        variance = squares / np.maximum(recovered - 1, 1) / np.maximum(recovered, 1)
        return cls(gaps.shape[-1], recovered, gap, variance, deadline)

    def mean(self, level: float) -> IntervalEstimate:
        """Returns the mean time and its interval, which misses the true mean in a share `level` (0 to 1) of samples."""
        share = self.recovered / self.n
        least, most = wilson(share, self.n, level)
        t = special.stdtrit(np.maximum(self.recovered - 1, 1), 1 - level / 2)
        half = np.where(self.recovered > 1, t * np.sqrt(self.variance), self.deadline)
        smaller, larger = np.maximum(self.gap - half, 0.0), np.minimum(self.gap + half, self.deadline)
        saved, up, down = share * self.gap, most - share, share - least
        # How far the product moves with one factor is that factor's distance times the other factor.
        below = (self.gap * down) ** 2 + (share * (self.gap - smaller)) ** 2
        above = (self.gap * up) ** 2 + (share * (larger - self.gap)) ** 2
        low = np.maximum(saved - np.sqrt(np.maximum(below, 0.0)), 0.0)
        high = np.where(self.recovered > 0, saved + np.sqrt(above), most * self.deadline)
        return IntervalEstimate(
            self.deadline - saved, self.deadline - np.minimum(high, self.deadline), self.deadline - low
        )


def wilson(share: Array, n: int, level: float) -> tuple[Array, Array]:
    """Returns low and high of Wilson's score interval of a share of `n` trials (at least one); source: `rates.rate`."""
    z = float(special.ndtri(1 - level / 2))
    observed = np.asarray(share, dtype=float)
    middle = (observed + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(np.maximum(observed * (1 - observed) / n + z**2 / (4 * n**2), 0))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def difference_of(first: IntervalEstimate, second: IntervalEstimate, correlation: Array = 0.0) -> IntervalEstimate:
    """Returns first minus second, with its interval.

    `correlation` is that of the two estimates: 0 unless they are made of pairs.
    """
    value = first.value - second.value
    down, up = first.value - first.low, first.high - first.value
    other_down, other_up = second.value - second.low, second.high - second.value
    below = down**2 + other_up**2 - 2 * correlation * down * other_up
    above = up**2 + other_down**2 - 2 * correlation * up * other_down
    return IntervalEstimate(value, value - np.sqrt(np.maximum(below, 0.0)), value + np.sqrt(np.maximum(above, 0.0)))


def correlation(first: Array, second: Array) -> Array:
    """Returns Pearson's correlation of the pairs along the last axis; 0 where one of them never varies."""
    a, b = (np.asarray(each, dtype=float) for each in (first, second))
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.where(scale > 0, (a * b).sum(axis=-1) / np.where(scale > 0, scale, 1.0), 0.0)


def paired_difference(first: Array, second: Array, deadline: float) -> Callable[[float], IntervalEstimate]:
    """Returns the difference of two mean times of paired trials, as a function of the level.

    The interval is MOVER's with their correlation, and no narrower than Student's interval of the differences, because
    the correlation is known badly where the pairs nearly always agree.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    one, other, together = RestrictedTimes.of(a, deadline), RestrictedTimes.of(b, deadline), correlation(a, b)
    n = a.shape[-1]
    error = np.sqrt(np.var(a - b, axis=-1, ddof=1) / n)

    def bounded(level: float) -> IntervalEstimate:
        difference = difference_of(one.mean(level), other.mean(level), together)
        half = special.stdtrit(n - 1, 1 - level / 2) * error
        low, high = difference.value - half, difference.value + half
        return IntervalEstimate(difference.value, np.minimum(difference.low, low), np.maximum(difference.high, high))

    return bounded


def unpaired_difference(first: Array, second: Array, deadline: float) -> Callable[[float], IntervalEstimate]:
    """Returns the difference of two mean times of independent trials, as a function of the level."""
    one, other = RestrictedTimes.of(first, deadline), RestrictedTimes.of(second, deadline)
    return lambda level: difference_of(one.mean(level), other.mean(level))


@dataclass(frozen=True, slots=True)
class RateDifference:
    """Recoveries of each arm among its `sizes`, and the difference of their shares, first minus second.

    `low` and `high` are its 95 % interval, `p` the probability of one as large by chance, by the exact `test`.
    """

    recovered: tuple[int, int]
    sizes: tuple[int, int]
    value: float
    low: float
    high: float
    p: float
    test: str

    @property
    def significant(self) -> bool:
        """Returns whether p is at most 5 %."""
        return self.p <= LEVEL


def rate_difference(first: Sequence[bool], second: Sequence[bool], paired: bool) -> RateDifference:
    """Of at least one trial each: whether it recovered; in the same order in both where `paired`.

    Intervals: R. G. Newcombe, of groups Statistics in Medicine 17 (1998), 873-890, method 10; of pairs the same volume,
    2635-2650, method 10. Tests: of groups R. A. Fisher's; of pairs Q. McNemar's, Psychometrika 12 (1947), 153-157, as
    the binomial test of the pairs that disagree.
    """
    sizes, recovered = (len(first), len(second)), (sum(first), sum(second))
    together = _together(first, second) if paired else 0.0
    found = difference_of(_bounded(recovered[0], sizes[0]), _bounded(recovered[1], sizes[1]), together)
    if paired:
        only = [sum(a and not b for a, b in zip(one, other, strict=True)) for one, other in _both_ways(first, second)]
        p = float(stats.binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
        test = "McNemar's exact test"
    else:
        table = [[count, size - count] for count, size in zip(recovered, sizes, strict=True)]
        p = float(stats.fisher_exact(table).pvalue)
        test = "Fisher's exact test"
    return RateDifference(recovered, sizes, float(found.value), float(found.low), float(found.high), p, test)


def _both_ways(first: Sequence[bool], second: Sequence[bool]) -> tuple[tuple[Sequence[bool], Sequence[bool]], ...]:
    return (first, second), (second, first)


def _bounded(count: int, n: int) -> IntervalEstimate:
    return IntervalEstimate(count / n, *wilson(count / n, n, LEVEL))


def _together(first: Sequence[bool], second: Sequence[bool]) -> float:
    """The correlation of the two shares, corrected for continuity where it is above 0, as the method has it."""
    n, a, b = len(first), sum(first), sum(second)
    both = sum(x and y for x, y in zip(first, second, strict=True))
    scale = sqrt(a * (n - a) * b * (n - b))
    excess = both * (n - a - b + both) - (a - both) * (b - both)
    return 0.0 if not scale else (max(excess - n / 2, 0.0) if excess > 0 else float(excess)) / scale
