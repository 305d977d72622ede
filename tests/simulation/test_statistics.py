"""What is claimed of the numbers, put to the test on data whose truth is known. Seeds are fixed."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from controller.analysis import permutation
from controller.analysis.incidence import Ended, aalen_johansen, interval
from controller.analysis.permutation import difference
from controller.analysis.rates import rate
from controller.analysis.restricted import restricted_mean

RUNS, N, DEADLINE = 200, 20, 60.0
Arms = tuple[np.ndarray, np.ndarray]


def slow_or_never(rng: np.random.Generator, healed: float) -> np.ndarray:
    return np.where(rng.random(N) < healed, rng.uniform(10, 20, N), DEADLINE)


def gradual(rng: np.random.Generator, mean: float) -> np.ndarray:
    return np.minimum(rng.exponential(mean, N), DEADLINE)


def gradual_mean(mean: float) -> float:
    return mean * (1 - np.exp(-DEADLINE / mean))


EQUAL: list[Callable[[np.random.Generator], Arms]] = [
    lambda rng: (gradual(rng, 30), gradual(rng, 30)),
    lambda rng: (slow_or_never(rng, 0.7), slow_or_never(rng, 0.7)),
]
APART: list[tuple[Callable[[np.random.Generator], Arms], float]] = [
    (lambda rng: (gradual(rng, 20), gradual(rng, 50)), gradual_mean(20) - gradual_mean(50)),
    (lambda rng: (slow_or_never(rng, 0.8), slow_or_never(rng, 0.5)), -0.3 * 45),
    (lambda rng: (slow_or_never(rng, 0.6), np.full(N, DEADLINE)), -0.6 * 45),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permutation, "RESAMPLES", 499)


@pytest.mark.parametrize("paired", [False, True])
def test_equal_arms_get_a_winner_in_at_most_five_of_a_hundred(paired: bool):
    rng = np.random.default_rng(20_260_101)
    named = sum(difference(*arms(rng), paired, seed=run).significant for arms in EQUAL for run in range(RUNS))
    runs = RUNS * len(EQUAL)
    assert named / runs <= 0.05 + 2.6 * sqrt(0.05 * 0.95 / runs)
    assert named > 0, "a test that never rejects would pass, too"


@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_of_a_difference_holds_the_truth_in_95_of_a_hundred(paired: bool):
    rng = np.random.default_rng(20_260_102)
    held = 0
    for arms, truth in APART:
        for run in range(RUNS):
            found = difference(*arms(rng), paired, seed=run)
            held += found.low <= truth <= found.high
    assert 0.93 <= held / (RUNS * len(APART)) <= 0.97


def test_the_interval_and_the_p_value_never_contradict_each_other():
    rng = np.random.default_rng(20_260_103)
    for arms in [*EQUAL, *(arms for arms, _ in APART)]:
        for run in range(20):
            found = difference(*arms(rng), run % 2 == 0, seed=run)
            assert found.significant == (not found.low <= 0 <= found.high)


def test_the_interval_of_a_restricted_mean_holds_the_truth_in_95_of_a_hundred():
    rng = np.random.default_rng(20_260_104)
    held = 0
    for _ in range(8 * RUNS):
        for times, truth in ((gradual(rng, 30), gradual_mean(30)), (slow_or_never(rng, 0.6), 0.6 * 15 + 0.4 * 60)):
            found = restricted_mean(list(times), DEADLINE)
            assert found.low is not None and found.high is not None
            held += found.low <= truth <= found.high
    assert 0.93 <= held / (16 * RUNS) <= 0.97


def test_the_interval_of_a_rate_holds_the_truth_in_95_of_a_hundred_on_average():
    """Exactly, not by chance: all outcomes of 20, 30 and 50 trials, weighted, over rates from 5 to 95 %."""
    from scipy import stats

    shares = np.linspace(0.05, 0.95, 91)
    held = [
        sum(float(stats.binom.pmf(k, n, share)) for k, (low, high) in enumerate(bounds) if low <= share <= high)
        for n in (20, 30, 50)
        for bounds in [[(rate(k, n).low or 0.0, rate(k, n).high or 0.0) for k in range(n + 1)]]
        for share in shares
    ]
    assert 0.93 <= float(np.mean(held)) <= 0.97


def test_the_band_around_an_incidence_holds_the_truth_in_95_of_a_hundred_at_each_time_on_average():
    """Of exponential times to detect (once in 30 s) and to heal (once in 60 s), whichever comes first."""
    rng = np.random.default_rng(20_260_105)
    detect, heal = 1 / 30, 1 / 60
    moments = np.arange(5.0, DEADLINE, 5.0)
    truth = detect / (detect + heal) * (1 - np.exp(-(detect + heal) * moments))
    held = []
    for _ in range(2 * RUNS):
        first = rng.exponential(1 / (detect + heal), N)
        how = np.where(rng.random(N) < detect / (detect + heal), Ended.HAPPENED, Ended.COMPETED)
        how = np.where(first > DEADLINE, Ended.CENSORED, how)
        times, share, _ = aalen_johansen(list(np.minimum(first, DEADLINE)), list(how))
        low, high = interval(share, N)
        at = np.searchsorted(times, moments, side="right") - 1
        held.append((np.asarray(low)[at] <= truth) & (truth <= np.asarray(high)[at]))
    assert 0.93 <= float(np.mean(held)) <= 0.97
