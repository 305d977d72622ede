"""The cumulative incidence of detection and resolution, with recovery as a competing event.

A trial that recovered by itself before the agent detected it will never be detected. It is not a late detection
(censored), and it is not left out: its recovery is a competing event. All scored trials stay in the denominator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from controller.analysis.intervals import wilson
from controller.analysis.rates import Rate, rate
from controller.analysis.significance import LEVEL
from controller.analysis.trial import DETECTED, Trial
from controller.api import Outcome
from controller.statistics import censored_median


class EventStatus(IntEnum):
    """The event that came first in a trial."""

    CENSORED = 0
    HAPPENED = 1
    COMPETED = 2


@dataclass(frozen=True, slots=True)
class Incidence:
    """The share of trials with the event, from each of `times` (seconds, ascending, the first 0) to the next.

    `low` and `high` are the pointwise 95 % interval; both are 0 at time 0. `competing` is the share in which recovery
    came first. `by_deadline` is the final share as a rate with its interval. `median` is the median over *all* trials,
    where a trial without the event counts as later than any other; None where the median is such a trial.
    """

    times: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    competing: tuple[float, ...]
    by_deadline: Rate
    median: float | None


def detection(trials: Iterable[Trial]) -> Incidence:
    """Returns the incidence of the agent's ticket in scored trials, at least one. Earlier recovery competes."""
    return _incidence([_first(trial, trial.detected, trial.outcome in DETECTED) for trial in trials])


def resolution(trials: Iterable[Trial]) -> Incidence:
    """Returns the incidence of a true resolution (outcome Resolved) in scored trials. Earlier recovery competes."""
    return _incidence([_first(trial, trial.resolved, trial.outcome is Outcome.RESOLVED) for trial in trials])


def aalen_johansen(times: Sequence[float], ended: Sequence[int]) -> tuple[list[float], list[float], list[float]]:
    """Returns ascending times from 0, and the cumulative incidence of HAPPENED and of COMPETED from each of them on.

    The increment at a time is the share without an event so far, times the share of those with this event at that
    time: O. O. Aalen and
    S. Johansen, "An empirical transition matrix for non-homogeneous Markov chains based on censored observations",
    Scandinavian Journal of Statistics 5 (1978), 141-150, for two ways to end. Without censoring before the last time
    the incidence is a plain count.
    """
    at, how = np.asarray(times, dtype=float), np.asarray(ended)
    moments, where = np.unique(at, return_inverse=True)
    happened, competed, censored = (
        np.bincount(where[how == way], minlength=len(moments))
        for way in (EventStatus.HAPPENED, EventStatus.COMPETED, EventStatus.CENSORED)
    )
    gone = happened + competed + censored
    at_risk = len(at) - np.concatenate(([0], np.cumsum(gone)[:-1]))
    waiting = np.concatenate(([1.0], np.cumprod(1 - (happened + competed) / at_risk)[:-1]))
    return (
        [0.0, *moments.tolist()],
        [0.0, *np.cumsum(waiting * happened / at_risk).tolist()],
        [0.0, *np.cumsum(waiting * competed / at_risk).tolist()],
    )


def interval(share: Sequence[float], n: int) -> tuple[list[float], list[float]]:
    """Returns the pointwise bounds, low and high, of a share of `n` trials (at least one): Wilson's score interval.

    Every trial is watched to the deadline of its campaign, so nothing is censored before it: at each time the share is
    a plain proportion of all trials, and the variance of the general case (O. O. Aalen, "Nonparametric estimation of
    partial transition probabilities in multiple decrement models", Annals of Statistics 6 (1978), 534-545) is that of a
    proportion, share * (1 - share) / n. Wilson's interval keeps its coverage near 0 and with few trials, where
    intervals on the log-log scale are not defined. The curve also ends at the interval of the rate.
    """
    low, high = wilson(share, n, LEVEL)
    return low.tolist(), high.tolist()


def _first(trial: Trial, at: float | None, happened: bool) -> tuple[float, EventStatus]:
    if happened and at is not None:
        return at, EventStatus.HAPPENED
    if trial.outcome is Outcome.SELF_HEALED and trial.recovered is not None:
        return trial.recovered, EventStatus.COMPETED
    return trial.deadline, EventStatus.CENSORED


def _incidence(firsts: Sequence[tuple[float, EventStatus]]) -> Incidence:
    times, share, competing = aalen_johansen([at for at, _ in firsts], [how for _, how in firsts])
    median = censored_median([at if how is EventStatus.HAPPENED else None for at, how in firsts])
    happened = sum(how is EventStatus.HAPPENED for _, how in firsts)
    by_deadline = rate(happened, len(firsts))
    low, high = interval(share[1:], len(firsts))
    low, high = [0.0, *low], [0.0, *high]
    return Incidence(tuple(times), tuple(share), tuple(low), tuple(high), tuple(competing), by_deadline, median)
