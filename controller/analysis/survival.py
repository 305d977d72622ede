"""Time to recover where not every trial recovers: the Kaplan-Meier curve, its median, and the restricted mean.

Without the trials that did not recover, the worst system would look the fastest.

The restricted mean is the mean time that a trial was not healthy, up to a deadline. Every scored trial is watched
to its deadline, so with a deadline that all of them share, min(time, deadline) is known of each: nothing is censored
before it. The restricted mean is then a plain mean, with a plain variance; it is the area under the Kaplan-Meier curve
up to the deadline, to the last digit. Its interval is described in `intervals`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from controller.analysis.intervals import RestrictedTimes
from controller.analysis.rates import CONFIDENCE
from controller.analysis.significance import LEVEL
from controller.analysis.trial import Trial

HALF = 0.5
ROUNDING = 1e-9
"""The tolerance for a curve at one half. The curve is a product of fractions with rounding errors."""


@dataclass(frozen=True, slots=True)
class Median:
    """A median time in seconds. `value` is None where half or more of the trials had not recovered at the end.

    `low` and `high` are the 95 % interval. A `high` of None means that the interval has no upper bound.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of trials without recovery, from each of `times` (seconds, ascending, the first 0) to the next.

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
        """The number of trials."""
        return self.at_risk[0]

    @property
    def median(self) -> Median:
        """The times at which the curve and the bounds of its interval reach one half.

        A curve that lies at exactly one half between two times has its median in the middle, as the plain median of an
        even number does. The interval is that of R. Brookmeyer and J. Crowley, "A confidence interval for the median
        survival time", Biometrics 38 (1982), 29-41, on the transformed scale of the curve's own interval.
        """
        return Median(_middle(self), _below_half(self.times, self.low), _below_half(self.times, self.high))


def kaplan_meier(times: Sequence[float], recovered: Sequence[bool]) -> Curve:
    """Returns the curve of at least one trial. Each time, in seconds, is a recovery or else the end of the observation.

    E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
    Statistical Association 53 (1958), 457-481. The interval is by Greenwood's variance on the scale log(-log S), which
    keeps it within 0 and 1: J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of Failure Time Data"
    (2nd ed. 2002), section 1.4.
    """
    at = np.asarray(times, dtype=float)
    happened = np.asarray(recovered, dtype=bool)
    found = stats.ecdf(stats.CensoredData.right_censored(at, ~happened)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it is undefined at 0 and 1, which the NaN show too
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
    """A restricted mean in seconds, with its variance in square seconds and its 95 % interval.

    Variance and interval are None for a single trial.
    """

    value: float
    variance: float | None
    low: float | None
    high: float | None
    deadline: float
    n: int


def shared_deadline(trials: Sequence[Trial]) -> float:
    """Returns the shortest window of these scored trials, in seconds. All of them were observed up to then."""
    return min(trial.deadline for trial in trials)


def restricted_times(trials: Sequence[Trial], deadline: float) -> list[float]:
    """Returns the seconds to recover of each trial, or the deadline where that is earlier."""
    return [deadline if (time := trial.recovered_in_time) is None else min(time, deadline) for trial in trials]


def restricted_mean(times: Sequence[float], deadline: float) -> RestrictedMean:
    """Returns the mean of restricted times of at least one trial, with the interval of `intervals.RestrictedTimes`.

    On its meaning: P. Royston and M. K. B. Parmar, "Restricted mean survival time: an alternative to the hazard
    ratio", BMC Medical Research Methodology 13 (2013), 152.
    """
    values = np.asarray(times, dtype=float)
    n, mean = len(values), float(values.mean())
    if n < 2:
        return RestrictedMean(mean, None, None, None, deadline, n)
    found = RestrictedTimes.of(values, deadline).mean(LEVEL)
    return RestrictedMean(mean, float(values.var(ddof=1)) / n, float(found.low), float(found.high), deadline, n)
