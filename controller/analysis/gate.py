"""Whether a rate is proven to be high enough: by the lower bound of its interval, for a share of few trials is luck."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from controller.analysis.errors import extra
from controller.analysis.rates import Rate, rate


@dataclass(frozen=True, slots=True)
class GateResult:
    """The sentence says the rate, its bound, what was asked for, and how often that would be passed by luck."""

    sentence: str
    passed: bool


def gate(name: str, found: Rate, least: float) -> GateResult:
    """Whether the rate called `name` is at least so high (0 to 1). Of nothing scored it is not."""
    if found.low is None:
        return GateResult(f"The {name} rate is unknown, for nothing was scored (n=0): under {least:g}.", False)
    passed = found.low >= least
    bound = f"the lower bound of its 95 % interval, {found.low:.3f}, is {'not ' if passed else ''}under {least:g}"
    return GateResult(f"The {name} rate is {found.successes} of {found.n}; {bound}. {_luck(found.n, least)}", passed)


def ready() -> None:
    """Raise NotInstalled where the bound could not be computed: to be asked before hours of trials, not after."""
    with extra():
        rate(1, 1)


def _luck(n: int, least: float) -> str:
    """How often so many trials pass that should not, at worst: where the true rate is just under what is asked for.

    Wilson's interval promises 2.5 % on average over all rates, and has more or less than that at each.
    """
    from scipy import stats

    passing = bisect_left(range(n + 1), True, key=lambda k: (rate(k, n).low or 0.0) >= least)
    if passing > n:
        return f"No result of {n} trials could pass."
    if passing == 0:
        return "Any result would pass."
    by_luck = float(stats.binom.sf(passing - 1, n, least))
    return (
        f"It takes {passing} of {n}, which a true rate of just under {least:g} reaches in {by_luck:.1%} of campaigns."
    )
