"""Whether a rate is proven to be high enough: by the lower bound of its interval, for a share of few trials is luck."""

from __future__ import annotations

from dataclasses import dataclass

from controller.analysis.errors import extra
from controller.analysis.rates import Rate, rate


@dataclass(frozen=True, slots=True)
class Judged:
    """The sentence says the rate, its bound and what was asked for."""

    sentence: str
    passed: bool


def gate(name: str, found: Rate, least: float) -> Judged:
    """Whether the rate called `name` is at least so high (0 to 1). Of nothing scored it is not."""
    if found.low is None:
        return Judged(f"The {name} rate is unknown, for nothing was scored (n=0): under {least:g}.", False)
    passed = found.low >= least
    bound = f"the lower bound of its 95 % interval, {found.low:.3f}, is {'not ' if passed else ''}under {least:g}"
    return Judged(f"The {name} rate is {found.successes} of {found.n}; {bound}.", passed)


def ready() -> None:
    """Raise NotInstalled where the bound could not be computed: to be asked before hours of trials, not after."""
    with extra():
        rate(1, 1)
