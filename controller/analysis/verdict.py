"""What a comparison came to, in one sentence."""

from __future__ import annotations

from enum import StrEnum

from controller.analysis.permutation import LEVEL, Difference


class Verdict(StrEnum):
    """Of the first campaign, seen from the second."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no detectable difference"
    TOO_FEW = "too few trials"


def judge(difference: Difference | None, p: float | None) -> Verdict:
    """By the p-value that counts: adjusted, where several were compared. Sooner is better."""
    if difference is None or p is None:
        return Verdict.TOO_FEW
    if p > LEVEL:
        return Verdict.NO_DIFFERENCE
    return Verdict.BETTER if difference.value < 0 else Verdict.WORSE


def sentence(
    verdict: Verdict,
    names: tuple[str, str],
    sizes: tuple[int, int],
    paired: bool,
    deadline: float | None,
    difference: Difference | None,
    p: float | None,
) -> str:
    """For people. Seconds; `sizes` are the trials compared of each."""
    first, second = names
    if difference is None or p is None or deadline is None:
        return (
            f"Too few trials: {first} has {sizes[0]} and {second} has {sizes[1]} that count"
            f"{' in pairs' if paired else ''}, and no result of so few could be told from chance."
        )
    trials = f"{sizes[0]} pairs of trials" if paired else f"{sizes[0]} and {sizes[1]} trials"
    numbers = (
        f"difference {difference.value:+.2f} s of the mean time to recover up to {deadline:g} s, "
        f"95 % interval {difference.low:+.2f} to {difference.high:+.2f} s, {_p(p)}, {trials}"
    )
    if verdict is Verdict.NO_DIFFERENCE:
        return f"No detectable difference between {first} and {second}: {numbers}. {_detectable(difference)}"
    sooner = "sooner" if verdict is Verdict.BETTER else "later"
    return f"{first} is {verdict} than {second}: it recovers {abs(difference.value):.1f} s {sooner} ({numbers})."


def _detectable(difference: Difference) -> str:
    if difference.detectable is None:
        return "No trial's time differed from another's, so it cannot be said how small a difference would have shown."
    return f"A difference of {difference.detectable:.1f} s or more would have been found with 80 % probability."


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
