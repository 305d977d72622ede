"""Numbers as people read them. Pure functions."""

from __future__ import annotations

from controller.analysis.comparison import Comparison
from controller.analysis.estimates import Estimate

NOTHING = "-"


def value(of: Estimate) -> str:
    """`67%`, `12.3 s`, `> 60 s`, `4`."""
    return _number(of, of.value)


def interval(of: Estimate) -> str:
    """`9% to 99%`; `13.0 s and above` where it is open."""
    if of.low is None:
        return NOTHING
    if of.high is None:
        return f"{_number(of, of.low)} and above"
    return f"{_number(of, of.low)} to {_number(of, of.high)}"


def size(of: Estimate) -> str:
    """The n; of a rate with how many of them it was: `2/3`."""
    return f"{of.count}/{of.n}" if of.count is not None else str(of.n)


def both(of: Estimate) -> str:
    """Value, interval and n in one cell."""
    around = interval(of)
    return (
        f"{value(of)}{'' if around == NOTHING else f' ({around})'}, {size(of) if of.count is not None else f'n={of.n}'}"
    )


def p(of: Comparison) -> str:
    """The p-value that the conclusion rests on."""
    if of.p is None:
        return NOTHING
    return "<0.001" if of.p < 0.001 else f"{of.p:.3g}"


def _number(of: Estimate, number: float | None) -> str:
    if number is None:
        return NOTHING if of.beyond is None else f"> {of.beyond:g} s"
    if of.unit == "share":
        return f"{number:.0%}"
    return f"{number:.1f} s" if of.unit == "seconds" else f"{number:g}"
