"""What so many trials can prove, to be said before hours are spent on them. Pure; needs no package."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from controller.analysis.least import LEVEL, enough, fewest_pairs, least_p
from controller.api import CampaignSpec

Z = NormalDist().inv_cdf(1 - LEVEL / 2)


def can_prove(spec: CampaignSpec) -> str:
    """One line: of the campaign by itself and, where anything is broken, in pairs with another one of as many."""
    n = spec.trials
    of = f"{n} trials" if n != 1 else "1 trial"
    good = "recover" if spec.mode.injects else "are quiet"
    alone = f"What {of} can prove: if all {good}, a rate of at least {n / (n + Z**2):.0%} (95 % interval)"
    if not spec.mode.injects:
        return f"{alone}."
    if not enough(n, n, paired=True):
        return f"{alone}; of two campaigns compared, no winner, whatever they show: that takes {fewest_pairs()} pairs."
    return (
        f"{alone}; of two campaigns compared in {n} pairs, a winner if it is clear (p is {_p(least_p(n, n, True))} at "
        f"best); rates near one half are told apart to within {_apart(n) * 100:.0f} points."
    )


def _apart(n: int) -> float:
    """Half the width of Newcombe's interval of the difference of two shares of one half, of `n` trials each."""
    return sqrt(2) * Z / (1 + Z**2 / n) * sqrt(1 / (4 * n) + Z**2 / (4 * n**2))


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.2g}"
