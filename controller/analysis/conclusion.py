"""What a comparison came to, in sentences. Each is made of the numbers at hand."""

from __future__ import annotations

from enum import StrEnum

from controller.analysis.least import LEVEL, fewest_pairs, least_p
from controller.analysis.permutation import Difference
from controller.analysis.rates_apart import RatesApart

AS_LONG = "as long"


class Conclusion(StrEnum):
    """Of the first campaign, seen from the second."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no detectable difference"
    TOO_FEW = "too few trials"
    INTERIM = "interim"


def conclude(difference: Difference | None, p: float | None) -> Conclusion:
    """By the p-value that counts: adjusted, where several were compared. Less time unrecovered is better."""
    if difference is None or p is None:
        return Conclusion.TOO_FEW
    if p > LEVEL:
        return Conclusion.NO_DIFFERENCE
    return Conclusion.BETTER if difference.value < 0 else Conclusion.WORSE


def interim(names: tuple[str, str], running: tuple[str, ...], sizes: tuple[int, int]) -> str:
    """Where an arm is not over. `running` says of each such arm how far it is."""
    return (
        f"Interim, no conclusion: {' and '.join(running)}. Until now {names[0]} has {sizes[0]} trials that count and "
        f"{names[1]} has {sizes[1]}; who looks after every trial and stops at a winner finds winners among equals."
    )


def too_few(names: tuple[str, str], sizes: tuple[int, int], paired: bool, comparisons: int, adjusted: float) -> str:
    """Where no result could have named a winner. `adjusted` is the smallest p-value there could be after Holm."""
    least = least_p(*sizes, paired)
    have = f"{names[0]} has {sizes[0]} and {names[1]} has {sizes[1]} that count{' in pairs' if paired else ''}"
    if not min(sizes):
        return f"Too few trials: {have}."
    said = f"Too few trials: {have}, and the smallest p that any result of so few can have is {least:.3g}"
    if comparisons > 1:
        said += f", or {adjusted:.3g} when it is one of {comparisons} comparisons (Holm)"
    return f"{said}. A winner takes p of at most {LEVEL:g}, so at least {_of(fewest_pairs(comparisons))} in pairs."


def sentence(
    conclusion: Conclusion,
    names: tuple[str, str],
    paired: bool,
    deadline: float,
    difference: Difference,
    rates: RatesApart,
    p: float,
    comparisons: int,
) -> str:
    """Better, worse, or no detectable difference, with both recoveries. `deadline` in seconds."""
    first, second = names
    trials = f"{rates.sizes[0]} pairs of trials" if paired else f"{rates.sizes[0]} and {rates.sizes[1]} trials"
    within, spent = f"within the first {deadline:g} s of a trial", _spent(difference)
    interval = f"95 % interval of the difference {difference.low:+.2f} to {difference.high:+.2f} s"
    adjusted = f" adjusted for {comparisons} comparisons (Holm), as nothing else here is" if comparisons > 1 else ""
    numbers = f"{interval}, {_p(p)}{adjusted}, {trials}"
    recoveries = f"Recovered by then: {_of(rates.recovered[0], rates.sizes[0])} of {first}, "
    recoveries += f"{_of(rates.recovered[1], rates.sizes[1])} of {second} ({_rates(rates)})."
    if not any(rates.recovered):
        said = f"No detectable difference between {first} and {second}: neither recovered within {deadline:g} s"
        return f"{said} in any trial ({numbers}). {recoveries}"
    if conclusion is Conclusion.NO_DIFFERENCE:
        said = f"No detectable difference between {first} and {second}: {within}, {first} was unrecovered for {spent}"
    else:
        said = f"{first} is {conclusion} than {second}: {within} it was unrecovered for {spent}"
    return " ".join(
        [f"{said}, on average ({numbers}).", recoveries, *_disagreement(conclusion, names, difference, rates)]
    )


def _spent(difference: Difference) -> str:
    """The seconds, in as many digits as tell them from 0."""
    amount = abs(difference.value)
    if amount < 1e-9:
        return AS_LONG
    seconds = f"{amount:.1f}" if amount >= 0.05 else f"{amount:.1g}"
    return f"{seconds} s {'less' if difference.value < 0 else 'more'}"


def _disagreement(
    conclusion: Conclusion, names: tuple[str, str], difference: Difference, rates: RatesApart
) -> tuple[str, ...]:
    """Where rate and time point to different arms, or only one of them to any."""
    first = names[0]
    if rates.value * difference.value > 0 and _spent(difference) != AS_LONG:
        less = "less" if difference.value < 0 else "more"
        often = "less often" if rates.value < 0 else "more often"
        return (f"Rate and time disagree: {first} was unrecovered for {less} time, and yet recovered {often}.",)
    if conclusion is Conclusion.NO_DIFFERENCE and rates.significant:
        often = "more" if rates.value > 0 else "less"
        return (f"Rate and time disagree: the times do not tell the two apart; {first} recovered {often} often.",)
    return ()


def _rates(rates: RatesApart) -> str:
    value, low, high = (f"{share * 100:+.0f}" for share in (rates.value, rates.low, rates.high))
    return f"difference {value} points, 95 % interval {low} to {high} points, {_p(rates.p)} by {rates.test}"


def _of(count: int, n: int | None = None) -> str:
    return f"{count} of {n}" if n is not None else f"{count} trials each"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3g}"
