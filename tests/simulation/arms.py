"""Models of arms whose truth is known, and how often intervals and conclusions of `controller.analysis` hold on them.

`python -m tests.simulation.arms` prints the tables of docs/evidence.md, in some minutes. The tests run the same with
fewer samples. Seeds are fixed; seconds throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from controller.analysis import intervals, significance
from controller.analysis.permutation import difference
from controller.analysis.significance import LEVEL, holm

DEADLINE = 60.0
SIZES = (8, 20, 50)
Array = Any
Model = Callable[[Array], Array]
"""From a uniform number to a restricted time, ascending: so the correlation of two arms is that of their numbers."""


def quick(share: float, least: float = 10, most: float = 20) -> Model:
    """Recovers in this share of trials, between these times; else never."""
    return lambda u: np.where(u < share, least + (most - least) * u / share, DEADLINE)


def gradual(mean: float) -> Model:
    """At any moment as likely as at any other, once in so many seconds."""
    return lambda u: np.minimum(-mean * np.log1p(-u), DEADLINE)


def skewed(share: float) -> Model:
    """Recovers in this share, mostly soon, now and then late."""
    normal = special.ndtri
    return lambda u: np.where(
        u < share, np.minimum(5 * np.exp(0.8 * normal(np.clip(u / share, 1e-9, 1 - 1e-9))), DEADLINE), DEADLINE
    )


def late(share: float) -> Model:
    """Recovers in this share, mostly close to the deadline."""
    return lambda u: np.where(u < share, 10 + 45 * (u / share) ** 0.3, DEADLINE)


def steady(share: float) -> Model:
    """As slow as `quick(share)` is on average, and never fails: the two have the same mean, and cross."""
    mean = share * 15 + (1 - share) * DEADLINE
    return lambda u: mean - 3 + 6 * u


def never(u: Array) -> Array:
    """Does not recover."""
    return np.full(np.shape(u), DEADLINE)


MODELS: dict[str, Model] = {
    "recovers 100 %": quick(1),
    "recovers 98 %": quick(0.98),
    "recovers 95 %": quick(0.95),
    "recovers 90 %": quick(0.9),
    "recovers 70 %": quick(0.7),
    "recovers 50 %": quick(0.5),
    "recovers 10 %": quick(0.1),
    "never": never,
    "gradual, mean 20 s": gradual(20),
    "gradual, mean 60 s": gradual(60),
    "90 %, any time": quick(0.9, 2, 58),
    "90 %, skewed": skewed(0.9),
    "95 %, always after 12 s": quick(0.95, 12, 12),
    "80 %, mostly late": late(0.8),
}
PAIRS: dict[str, tuple[Model, Model]] = {
    "both 100 %": (quick(1), quick(1)),
    "both 98 %": (quick(0.98), quick(0.98)),
    "both 95 %": (quick(0.95), quick(0.95)),
    "both 90 %": (quick(0.9), quick(0.9)),
    "both 70 %": (quick(0.7), quick(0.7)),
    "both gradual, mean 30 s": (gradual(30), gradual(30)),
    "both 80 %, mostly late": (late(0.8), late(0.8)),
    "same mean, 95 % and steady": (quick(0.95), steady(0.95)),
    "same mean, 90 % and steady": (quick(0.9), steady(0.9)),
    "same mean, 80 % and steady": (quick(0.8), steady(0.8)),
    "98 % and never": (quick(0.98), never),
    "50 % and never": (quick(0.5), never),
    "95 % and 70 %": (quick(0.95), quick(0.7)),
    "90 % and 50 %": (quick(0.9), quick(0.5)),
    "98 % and gradual, mean 30 s": (quick(0.98), gradual(30)),
    "gradual, mean 20 s and 50 s": (gradual(20), gradual(50)),
}
CORRELATIONS = (None, 0.0, 0.7)
"""Of the pairs; None where the arms are no pairs."""


def truth(model: Model) -> float:
    """Its mean."""
    points = 1_000_000
    return float(np.mean(model((np.arange(points) + 0.5) / points)))


def both(rng: np.random.Generator, shape: tuple[int, ...], correlation: float) -> tuple[Array, Array]:
    """Two sets of uniform numbers, whose normal scores are so correlated."""
    one = rng.standard_normal(shape)
    other = correlation * one + np.sqrt(1 - correlation**2) * rng.standard_normal(shape)
    return special.ndtr(one), special.ndtr(other)


def mean_held(model: Model, n: int, runs: int, rng: np.random.Generator) -> float:
    """The share of samples of which the interval of the mean holds the truth."""
    found = intervals.RestrictedTimes.of(model(rng.random((runs, n))), DEADLINE).mean(LEVEL)
    return _held(found, truth(model))


def difference_held(
    arms: tuple[Model, Model], n: int, correlation: float | None, runs: int, rng: np.random.Generator
) -> float:
    """The same of the difference of two means."""
    u, v = both(rng, (runs, n), correlation or 0.0)
    bounded = intervals.unpaired_difference if correlation is None else intervals.paired_difference
    return _held(bounded(arms[0](u), arms[1](v), DEADLINE)(LEVEL), truth(arms[0]) - truth(arms[1]))


def _held(found: intervals.IntervalEstimate, true: float) -> float:
    return float(np.mean((found.low <= true + 1e-4) & (true - 1e-4 <= found.high)))


def winners(arms: tuple[Model, Model], n: int, correlation: float | None, runs: int, seed: int) -> float:
    """The share of experiments in which one of the two is called better."""
    rng = np.random.default_rng(seed)
    named = 0
    for run in range(runs):
        u, v = both(rng, (n,), correlation or 0.0)
        named += difference(arms[0](u), arms[1](v), correlation is not None, DEADLINE, seed=run).significant
    return named / runs


def winners_of_several(model: Model, variants: int, n: int, runs: int, seed: int) -> float:
    """The share of experiments in which any of so many equal variants, in pairs, is called better than another one."""
    rng = np.random.default_rng(seed)
    named = 0
    for run in range(runs):
        times = model(rng.random((variants, n)))
        ps = [difference(times[i], times[j], True, DEADLINE, seed=run).p for i in range(variants) for j in range(i)]
        named += min(holm(ps)) <= LEVEL
    return named / runs


def winners_when_looking(model: Model, first: int, last: int, runs: int, seed: int) -> float:
    """The share of experiments with two equal arms in which one is called better at any look, after every pair."""
    rng = np.random.default_rng(seed)
    named = 0
    for run in range(runs):
        times = model(rng.random((2, last)))
        for n in range(first, last + 1):
            one, other = times[:, :n]
            found = intervals.paired_difference(one, other, DEADLINE)(LEVEL)
            # The shuffling only makes p larger: it need not be asked where the interval holds 0.
            if not found.low <= 0 <= found.high and difference(one, other, True, DEADLINE, seed=run).significant:
                named += 1
                break
    return named / runs


def winners_by_loss(share: float, n: int, runs: int, seed: int) -> tuple[float, float]:
    """The share of experiments in which the first of two equal arms is called better, by conclusion and at worst.

    Both recover in this share of attempts. In the first arm each failure is lost, and the trial run again, three times.
    """
    rng = np.random.default_rng(seed)
    named = worst = 0
    for run in range(runs):
        attempts = quick(share)(rng.random((4, n)))
        last = np.argmax(np.vstack([attempts[:3] < DEADLINE, np.ones((1, n), bool)]), axis=0)
        shown = attempts[last, np.arange(n)]
        at_worst = np.where(last > 0, DEADLINE, shown)
        other = quick(share)(rng.random(n))
        for which in (shown, at_worst):
            found = difference(which, other, True, DEADLINE, seed=run)  # type: ignore[arg-type]
            better = found.significant and found.value < 0
            named, worst = named + (better and which is shown), worst + (better and which is at_worst)
    return named / runs, worst / runs


# Drift ---------------------------------------------------------------------------------------------------------------

Levels = Callable[[np.random.Generator, int], Array]
"""How slow the system is at each of so many moments, as a factor."""


def _by_campaign(rng: np.random.Generator, moments: int) -> Array:
    return np.repeat(np.exp(rng.normal(0, 0.2, 2)), moments // 2)


def _walk(rng: np.random.Generator, moments: int) -> Array:
    return np.exp(np.cumsum(rng.normal(0, 0.05, moments)))


DRIFTS: dict[str, Levels] = {
    "step: a quarter slower from the middle on": lambda rng, m: np.where(np.arange(m) < m // 2, 1.0, 1.25),
    "trend: half as slow again at the end, in a straight line": lambda rng, m: np.linspace(1, 1.5, m),
    "days: each half has a level of its own, by 20 %": _by_campaign,
    "walk: from trial to trial by 5 %": _walk,
}


@dataclass(frozen=True)
class Orders:
    """Which moments the trials of two arms of `n` have, one after another or in turns (A B, B A, ...)."""

    n: int

    def in_sequence(self) -> tuple[Array, Array]:
        return np.arange(self.n), self.n + np.arange(self.n)

    def in_turns(self) -> tuple[Array, Array]:
        pairs = np.arange(self.n)
        return 2 * pairs + pairs % 2, 2 * pairs + 1 - pairs % 2


def winners_under_drift(levels: Levels, order: tuple[Array, Array], runs: int, seed: int) -> float:
    """The share of experiments with two equal arms in which one is called better. They recover after 25 s, by 35 %."""
    rng = np.random.default_rng(seed)
    first, second = order
    named = 0
    for run in range(runs):
        moments = 25 * np.exp(rng.normal(0, 0.35, 2 * len(first))) * levels(rng, 2 * len(first))
        times = np.minimum(moments, DEADLINE)
        named += difference(times[first], times[second], True, DEADLINE, seed=run).significant
    return named / runs


# The tables of docs/evidence.md --------------------------------------------------------------------------------------


def lines(runs: int = 20_000, experiments: int = 1_000) -> Iterator[str]:
    """In Markdown."""
    rng = np.random.default_rng(1)
    yield "| mean time of an arm that | n = 8 | n = 20 | n = 50 |\n| --- | --- | --- | --- |"
    for name, model in MODELS.items():
        yield _row(name, [mean_held(model, n, runs, rng) for n in SIZES])
    yield "\n| difference, groups / pairs / correlated pairs | n = 8 | n = 20 | n = 50 |\n| --- | --- | --- | --- |"
    for name, arms in PAIRS.items():
        held = [[difference_held(arms, n, each, runs, rng) for each in CORRELATIONS] for n in SIZES]
        yield f"| {name} | {' | '.join(' / '.join(_percent(each) for each in cell) for cell in held)} |"
    yield "\n| equal means: a winner is named, groups / pairs | n = 8 | n = 20 | n = 50 |\n| --- | --- | --- | --- |"
    for name in ("both 70 %", "both 90 %", "both gradual, mean 30 s", "same mean, 90 % and steady"):
        cells = [[winners(PAIRS[name], n, each, experiments, 2) for each in CORRELATIONS[:2]] for n in SIZES]
        yield f"| {name} | {' | '.join(' / '.join(_percent(each) for each in cell) for cell in cells)} |"
    several = [winners_of_several(gradual(30), 3, n, experiments, 3) for n in SIZES]
    yield _row("three equal variants in pairs, gradual, any winner", several)
    yield "\n| equal arms in pairs, looked at after every pair | 8 to 20 | 8 to 50 |\n| --- | --- | --- |"
    for name in ("recovers 70 %", "recovers 90 %", "gradual, mean 20 s"):
        yield _row(name, [winners_when_looking(MODELS[name], 8, last, experiments, 5) for last in (20, 50)])
    yield "\n| equal arms, failures of one lost and run again | better | better at worst |\n| --- | --- | --- |"
    for share in (0.5, 0.7, 0.9):
        yield _row(
            f"recovers {share:.0%}, 20 pairs".replace("%", " %"), list(winners_by_loss(share, 20, experiments, 6))
        )
    yield "\n| equal arms under drift, 20 pairs | one after the other | in turns |\n| --- | --- | --- |"
    for name, levels in DRIFTS.items():
        orders = (Orders(20).in_sequence(), Orders(20).in_turns())
        yield _row(name, [winners_under_drift(levels, order, experiments, 4) for order in orders])


def _row(name: str, shares: list[float]) -> str:
    return f"| {name} | {' | '.join(_percent(each) for each in shares)} |"


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"


if __name__ == "__main__":
    significance.RESAMPLES = 999
    for line in lines():
        print(line, flush=True)
