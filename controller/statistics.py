"""Statistics that stay honest about what was not seen. Pure functions; seconds in, seconds out."""

from __future__ import annotations

from collections.abc import Sequence


def censored_median(times: Sequence[float | None]) -> float | None:
    """The median of times of which some (None) were censored: not reached when their observation ended.

    Leaving those out would make a system that often does not recover look fast. They are kept, as longer than every
    time seen, and the median is where the Kaplan-Meier curve crosses one half. None when half or more are censored (or
    there are no times): then all that is known is "longer than the observation". Where the curve lies at one half
    between two times it is the mean of the two, so that without censoring it is the plain median.

    Needs every censored one to have been watched for at least as long as the largest time in `times`, which one
    observation window for all attempts of a campaign gives; Kaplan-Meier with all censoring at the end is then just
    counting. Source: E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations", Journal of
    the American Statistical Association 53 (1958), 457-481; the mean at one half is what R's survival package
    does in `quantile.survfit`.
    """
    seen = sorted(time for time in times if time is not None)
    n = len(times)
    if len(seen) * 2 <= n:
        return None
    middle = n // 2
    return seen[middle] if n % 2 else (seen[middle - 1] + seen[middle]) / 2
