"""Rates with their n and their Wilson intervals, and the gate, which tests whether a rate is high enough.

The interval holds its level near 0 and 1 and with few trials. The gate compares its lower bound, because the share of
few trials varies by chance. Importing this module needs no package of the extra `evidence`; computing does.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from controller.analysis.errors import extra

CONFIDENCE = 0.95
"""The confidence level of every interval here."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`successes` of `n`, with the 95 % interval; the interval of nothing (n = 0) is None."""

    successes: int
    n: int
    low: float | None
    high: float | None

    @property
    def value(self) -> float | None:
        """The share, from 0 to 1; None of nothing."""
        return self.successes / self.n if self.n else None


def rate(successes: int, n: int) -> Rate:
    """Returns the rate with its Wilson score interval.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212; without continuity correction, as R. G. Newcombe recommends
    ("Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), 857-872, method 3).
    """
    from scipy import stats

    if n == 0:
        return Rate(0, 0, None, None)
    interval = stats.binomtest(successes, n).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Rate(successes, n, float(interval.low), float(interval.high))


@dataclass(frozen=True, slots=True)
class GateResult:
    """The sentence says the rate, its bound, what was asked for, and how often that would be passed by luck."""

    sentence: str
    passed: bool


def gate(name: str, measured: Rate, minimum: float) -> GateResult:
    """Returns whether the rate called `name` is at least `minimum` (0 to 1). It is not where nothing was scored."""
    if measured.low is None:
        return GateResult(f"The {name} rate is unknown, for nothing was scored (n=0): under {minimum:g}.", False)
    passed = measured.low >= minimum
    bound = f"the lower bound of its 95 % interval, {measured.low:.3f}, is {'not ' if passed else ''}under {minimum:g}"
    return GateResult(
        f"The {name} rate is {measured.successes} of {measured.n}; {bound}. {_false_pass_rate(measured.n, minimum)}",
        passed,
    )


def require_packages() -> None:
    """Raises NotInstalled where the bound could not be computed. Call it before hours of trials, not after."""
    with extra():
        rate(1, 1)


def _false_pass_rate(n: int, minimum: float) -> str:
    """Returns a sentence on how often `n` trials pass by luck: where the true rate is just under what is asked for.

    Wilson's interval promises 2.5 % on average over all rates, and has more or less than that at each.
    """
    from scipy import stats

    passing = bisect_left(range(n + 1), True, key=lambda k: (rate(k, n).low or 0.0) >= minimum)
    if passing > n:
        return f"No result of {n} trials could pass."
    if passing == 0:
        return "Any result would pass."
    by_luck = float(stats.binom.sf(passing - 1, n, minimum))
    return (
        f"It takes {passing} of {n}, which a true rate of just under {minimum:g} reaches in {by_luck:.1%} of campaigns."
    )
