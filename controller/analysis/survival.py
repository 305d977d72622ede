"""Time to recover where not every trial recovers: the Kaplan-Meier curve, its median, and the restricted mean.

Leaving out the trials that did not recover would make the worst system look the fastest.

The restricted mean is how long a trial was not healthy within the first so many seconds. Every scored trial is watched
to its deadline, so with a deadline that all of them share, min(time, deadline) is known of each: nothing is censored
before it. The restricted mean is then a plain mean, with a plain variance; it is the area under the Kaplan-Meier curve
up to the deadline, to the last digit. Its interval is not plain: see `intervals`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from controller.analysis.intervals import Gaps
from controller.analysis.rates import CONFIDENCE
from controller.analysis.significance import LEVEL
from controller.analysis.trial import Trial

HALF = 0.5
ROUNDING = 1e-9
"""A curve is a product of fractions: what should be one half may miss it by this much."""


@dataclass(frozen=True, slots=True)
class Median:
    """Seconds. `value` None: half or more were still going on at the end, so it is only known to be later.

    `low` and `high` are the 95 % interval; a `high` of None is likewise open.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The share that has not recovered yet, from each of `times` (seconds, ascending, the first 0) to the next.

    `low` and `high` are the pointwise 95 % interval, NaN where it is not defined: where the curve has come down to 0.
    `at_risk` had neither recovered nor been censored just before that time; `events` recovered at it.
    """

    times: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]

    @property
    def n(self) -> int:
        """How many it was drawn from."""
        return self.at_risk[0]

    @property
    def median(self) -> Median:
        """Where the curve, and each bound of its interval, comes down to one half.

        A curve that lies at exactly one half between two times has its median in the middle, as the plain median of an
        even number does. The interval is that of R. Brookmeyer and J. Crowley, "A confidence interval for the median
        survival time", Biometrics 38 (1982), 29-41, on the transformed scale of the curve's own interval.
        """
        return Median(_middle(self), _below_half(self.times, self.low), _below_half(self.times, self.high))


def kaplan_meier(times: Sequence[float], recovered: Sequence[bool]) -> Curve:
    """The curve of at least one trial: `times` in seconds, at which it `recovered` or else its observation ended.

    E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
    Statistical Association 53 (1958), 457-481. The interval is by Greenwood's variance on the scale log(-log S), which
    keeps it within 0 and 1: J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of Failure Time Data"
    (2nd ed. 2002), section 1.4.
    """
    at = np.asarray(times, dtype=float)
    happened = np.asarray(recovered, dtype=bool)
    found = stats.ecdf(stats.CensoredData.right_censored(at, ~happened)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # says that it is not defined at 0 and 1; so do the NaN
        interval = found.confidence_interval(CONFIDENCE, method="log-log")
    share = np.asarray(found.probabilities)
    whole = share > 1 - ROUNDING
    moments = np.asarray(found.quantiles)
    order = np.sort(at)
    at_risk = len(order) - np.searchsorted(order, moments, side="left")
    of_events = np.sort(at[happened])
    events = np.searchsorted(of_events, moments, side="right") - np.searchsorted(of_events, moments, side="left")
    return Curve(
        times=(0.0, *moments.tolist()),
        share=(1.0, *share.tolist()),
        low=(1.0, *np.where(whole, 1.0, interval.low.probabilities).tolist()),
        high=(1.0, *np.where(whole, 1.0, interval.high.probabilities).tolist()),
        at_risk=(len(order), *at_risk.tolist()),
        events=(0, *events.tolist()),
    )


def _middle(curve: Curve) -> float | None:
    for i, share in enumerate(curve.share):
        if share < HALF - ROUNDING:
            return curve.times[i]
        if abs(share - HALF) <= ROUNDING:
            later = [time for time, below in zip(curve.times, curve.share, strict=True) if below < HALF - ROUNDING]
            return (curve.times[i] + later[0]) / 2 if later else None
    return None


def _below_half(times: Sequence[float], bound: Sequence[float]) -> float | None:
    return next((time for time, at in zip(times, bound, strict=True) if at <= HALF), None)


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Seconds. `variance` is that of the mean, in square seconds; None of a single trial, as is the 95 % interval."""

    value: float
    variance: float | None
    low: float | None
    high: float | None
    deadline: float
    n: int


def shared_deadline(trials: Sequence[Trial]) -> float:
    """The shortest window of these scored trials, in seconds: up to there all of them were watched."""
    return min(trial.deadline for trial in trials)


def restricted_times(trials: Sequence[Trial], deadline: float) -> list[float]:
    """Seconds to recover of each, or the deadline where that is sooner."""
    return [deadline if (time := trial.recovered_in_time) is None else min(time, deadline) for trial in trials]


def restricted_mean(times: Sequence[float], deadline: float) -> RestrictedMean:
    """The mean of restricted times, of at least one trial, with the interval of `mover`.

    P. Royston and M. K. B. Parmar, "Restricted mean survival time: an alternative to the hazard ratio", BMC Medical
    Research Methodology 13 (2013), 152, on what it means.
    """
    values = np.asarray(times, dtype=float)
    n, mean = len(values), float(values.mean())
    if n < 2:
        return RestrictedMean(mean, None, None, None, deadline, n)
    found = Gaps.of(values, deadline).mean(LEVEL)
    return RestrictedMean(mean, float(values.var(ddof=1)) / n, float(found.low), float(found.high), deadline, n)
