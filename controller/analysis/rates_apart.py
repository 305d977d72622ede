"""How far two arms' recovery rates are apart: described beside the conclusion, which rests on the times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy import stats

from controller.analysis.least import LEVEL
from controller.analysis.mover import Bounded, apart, wilson


@dataclass(frozen=True, slots=True)
class RatesApart:
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
        """Whether p is at most 5 %."""
        return self.p <= LEVEL


def rates_apart(first: Sequence[bool], second: Sequence[bool], paired: bool) -> RatesApart:
    """Of at least one trial each: whether it recovered; in the same order in both where `paired`.

    Intervals: R. G. Newcombe, of groups Statistics in Medicine 17 (1998), 873-890, method 10; of pairs the same volume,
    2635-2650, method 10. Tests: of groups R. A. Fisher's; of pairs Q. McNemar's, Psychometrika 12 (1947), 153-157, as
    the binomial test of the pairs that disagree.
    """
    sizes, recovered = (len(first), len(second)), (sum(first), sum(second))
    together = _together(first, second) if paired else 0.0
    found = apart(_bounded(recovered[0], sizes[0]), _bounded(recovered[1], sizes[1]), together)
    if paired:
        only = [sum(a and not b for a, b in zip(one, other, strict=True)) for one, other in _both_ways(first, second)]
        p = float(stats.binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
        test = "McNemar's exact test"
    else:
        table = [[count, size - count] for count, size in zip(recovered, sizes, strict=True)]
        p = float(stats.fisher_exact(table).pvalue)
        test = "Fisher's exact test"
    return RatesApart(recovered, sizes, float(found.value), float(found.low), float(found.high), p, test)


def _both_ways(first: Sequence[bool], second: Sequence[bool]) -> tuple[tuple[Sequence[bool], Sequence[bool]], ...]:
    return (first, second), (second, first)


def _bounded(count: int, n: int) -> Bounded:
    return Bounded(count / n, *wilson(count / n, n, LEVEL))


def _together(first: Sequence[bool], second: Sequence[bool]) -> float:
    """The correlation of the two shares, corrected for continuity where it is above 0, as the method has it."""
    n, a, b = len(first), sum(first), sum(second)
    both = sum(x and y for x, y in zip(first, second, strict=True))
    scale = sqrt(a * (n - a) * b * (n - b))
    excess = both * (n - a - b + both) - (a - both) * (b - both)
    return 0.0 if not scale else (max(excess - n / 2, 0.0) if excess > 0 else float(excess)) / scale
