"""Rates, each with its n and an interval that stays honest near 0 and 1 and at few trials."""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE = 0.95
"""Of every interval here."""


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
    """The share with its Wilson score interval.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212; without continuity correction, as R. G. Newcombe recommends
    ("Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), 857-872, method 3).
    """
    from scipy import stats

    if n == 0:
        return Rate(0, 0, None, None)
    found = stats.binomtest(successes, n).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Rate(successes, n, float(found.low), float(found.high))
