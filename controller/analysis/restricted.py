"""The mean time to recover, restricted to a deadline: how long a trial was not whole, within the first so many seconds.

Every scored trial is watched to its deadline, so with a deadline that all of them share, min(time, deadline) is known
of each: nothing is censored before it. The restricted mean is then a plain mean, with a plain variance; it is the area
under the Kaplan-Meier curve up to the deadline, to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from controller.analysis.rates import CONFIDENCE
from controller.analysis.trial import Trial


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Seconds. `variance` is that of the mean, in square seconds; None of a single trial, as is the 95 % interval.

    Nor is there an interval where all times are equal (say, where nobody recovered): what never varied tells nothing
    of how much it may.
    """

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
    """The mean of restricted times, of at least one trial, with Student's interval.

    P. Royston and M. K. B. Parmar, "Restricted mean survival time: an alternative to the hazard ratio", BMC Medical
    Research Methodology 13 (2013), 152, on what it means.
    """
    values = np.asarray(times, dtype=float)
    n, mean = len(values), float(values.mean())
    if n < 2:
        return RestrictedMean(mean, None, None, None, deadline, n)
    variance = float(values.var(ddof=1)) / n
    if variance == 0:
        return RestrictedMean(mean, variance, None, None, deadline, n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * variance**0.5
    return RestrictedMean(mean, variance, mean - half, mean + half, deadline, n)
