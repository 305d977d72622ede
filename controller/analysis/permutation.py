"""Whether two sets of numbers differ in their mean: a test by shuffling, and the interval that belongs to it.

The statistic is the difference over its standard error, not the bare difference: so the test holds its level in large
samples also where the two arms spread differently, as a healed and an unhealed arm do (A. Janssen, "Studentized
permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher problem", Statistics & Probability
Letters 36 (1997), 9-21). In small ones it is exact for arms that do not differ at all.

Paired numbers are flipped within their pairs (R. A. Fisher, "The Design of Experiments", 1935, section 21), others are
dealt to the two arms anew (E. J. G. Pitman, Supplement to the Journal of the Royal Statistical Society 4 (1937),
119-130).

The interval takes its width from the same shuffling: the difference plus and minus its standard error times the value
that the shuffled statistic exceeds in 5 % of the cases. Where Student's t (for groups with B. L. Welch's degrees of
freedom, Biometrika 34 (1947), 28-35) says more than that, it is taken instead, and so is its p: shuffling is a little
too sure where one arm never varied. So the interval leaves out 0 exactly when p is at most 0.05; they never contradict.
Its coverage is measured by tests/simulation/test_statistics.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from scipy import stats

from controller.analysis.rates import CONFIDENCE

LEVEL = 1 - CONFIDENCE
POWER = 0.8
RESAMPLES = 9_999
FEWEST_RESAMPLES = 999
NUMBERS = 20_000_000
"""About so many numbers are shuffled in all: large arms get by with fewer shuffles, as each tells more."""
BEYOND = 1e12
"""The statistic of arms that differ and never varied; infinity would not go through the arithmetic."""
BATCH = 2_000_000
"""Numbers shuffled at once: 16 MB."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two means, first minus second, with its 95 % interval and the probability `p` of one as large by chance.

    `detectable`: how large a true difference would have been found in 80 % of such experiments; None where neither arm
    varied. `shuffles` is how many were looked at, all that there are where `exact`.
    """

    value: float
    low: float
    high: float
    p: float
    detectable: float | None
    shuffles: int
    exact: bool

    @property
    def significant(self) -> bool:
        """Whether p is at most 5 %."""
        return self.p <= LEVEL


def enough(first: int, second: int, paired: bool) -> bool:
    """Whether any result at all with so many trials could reach p = 5 %: for pairs from 6 on, else from 4 and 4 on."""
    if paired:
        return float(2 / 2**first) <= LEVEL
    return min(first, second) >= 2 and 2 / comb(first + second, first) <= LEVEL


def difference(first: Sequence[float], second: Sequence[float], paired: bool, seed: int = 0) -> Difference:
    """Test the difference of the means, of as many numbers as are `enough`; the same `seed` gives the same answer."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    size = len(a) + len(b)
    statistic = _of_pairs if paired else _of_groups
    shuffled = stats.permutation_test(
        (a, b),
        statistic,
        permutation_type="samples" if paired else "independent",
        alternative="greater",
        n_resamples=min(RESAMPLES, max(FEWEST_RESAMPLES, NUMBERS // size)),
        batch=max(1, BATCH // size),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    value = float(a.mean() - b.mean())
    error, freedom = _pairs_error(a - b) if paired else _groups_error(a, b)
    if error == 0:
        return Difference(value, value, value, float(shuffled.pvalue), None, len(shuffled.null_distribution), False)
    possible = 2 ** len(a) if paired else comb(size, len(a))
    exact = len(shuffled.null_distribution) >= possible
    critical = _critical(shuffled.null_distribution, exact)
    # What is as large as the critical value touches 0 exactly, whatever the last bits of the division say.
    half = abs(value) if critical == shuffled.statistic else critical * error
    half = max(half, float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error)
    p = max(float(shuffled.pvalue), 2 * float(stats.t.sf(abs(value) / error, freedom)))
    reach = half + float(stats.norm.ppf(POWER)) * error
    return Difference(value, value - half, value + half, p, reach, len(shuffled.null_distribution), exact)


def _critical(null: Any, exact: bool) -> float:
    """The value that the statistic must exceed. Random shuffles count the observed order too, so that p is never 0."""
    may_exceed = int(LEVEL * len(null) + 1e-9) if exact else int(LEVEL * (len(null) + 1) + 1e-9) - 1
    return float(np.sort(null)[::-1][may_exceed])


def _pairs_error(differences: Any) -> tuple[float, float]:
    """Standard error of the mean, and its degrees of freedom."""
    return float(_error_of_pairs(differences, -1)), len(differences) - 1


def _groups_error(first: Any, second: Any) -> tuple[float, float]:
    one, two = (float(np.var(each, ddof=1)) / len(each) for each in (first, second))
    spread = one**2 / (len(first) - 1) + two**2 / (len(second) - 1)
    return (one + two) ** 0.5, (one + two) ** 2 / spread if spread else 1.0


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
