"""The mean time to recover, restricted to a deadline: how long a trial was not healthy within its first seconds.

Every scored trial is watched to its deadline, so with a deadline that all of them share, min(time, deadline) is known
of each: nothing is censored before it. The restricted mean is then a plain mean, with a plain variance; it is the area
under the Kaplan-Meier curve up to the deadline, to the last digit. Its interval is not plain: see `mover`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller.analysis.least import LEVEL
from controller.analysis.mover import Gaps
from controller.analysis.trial import Trial


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
