"""Makes an analysis into estimates, each with its value, interval and n, and formats these numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from controller.analysis.incidence import Incidence
from controller.analysis.summary import Analysis, Recovery

RATES = {
    "recovery": "recovered by the deadline",
    "resolution": "resolved by the agent",
    "detection": "detected by the agent",
    "false_resolution": "called resolved and was not",
    "self_healed": "healed before any ticket",
    "early_alarm": "false alarm before the injection",
    "quiet": "quiet, with nothing to find",
    "false_alarm": "false alarm, with nothing to find",
}
"""What each rate counts, in words."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure of an analysis. `unit` is `share` (0 to 1), `seconds` or `commands`.

    `low` and `high` are the 95 % interval; of commands, the range.

    `count` is how many of the `n` a rate counts. A `value` of None in seconds is later than `beyond`, the end of the
    observation; a `high` of None beside a `low` is open: so few trials set no limit.
    """

    measure: str
    words: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    count: int | None = None
    beyond: float | None = None
    note: str = ""


def estimates(analysis: Analysis) -> list[Estimate]:
    """Returns all estimates of the analysis, in a fixed order."""
    found = [
        Estimate(f"{name}_rate", RATES[name], rate.value, rate.low, rate.high, rate.n, "share", rate.successes)
        for name, rate in analysis.rates.items()
    ]
    if analysis.recovery is not None:
        found += _recovery(analysis.recovery)
        deadline = analysis.recovery.restricted_mean.deadline
        found += _median("time_to_detect", "median time to detect", analysis.detection, deadline)
        found += _median("time_to_resolve", "median time to resolve", analysis.resolution, deadline)
    for kind in analysis.commands:
        note = f"{kind.incomplete} logs incomplete" if kind.incomplete else ""
        words = f"commands, {kind.kind} (median, range)"
        found.append(
            Estimate(f"commands_{kind.kind}", words, kind.median, kind.least, kind.most, kind.n, "commands", note=note)
        )
    return found


def _recovery(recovery: Recovery) -> Iterator[Estimate]:
    median, mean = recovery.median, recovery.restricted_mean
    yield Estimate(
        *("median_time_to_recover", "median time to recover", median.value, median.low, median.high, mean.n, "seconds"),
        beyond=mean.deadline,
        note="Kaplan-Meier",
    )
    words = f"mean time to recover, up to {mean.deadline:g} s"
    yield Estimate("restricted_mean_time_to_recover", words, mean.value, mean.low, mean.high, mean.n, "seconds")


def _median(measure: str, words: str, incidence: Incidence | None, deadline: float) -> Iterator[Estimate]:
    """Yields the median over all scored trials; it is None where the event happened in less than half of them."""
    if incidence is not None:
        n = incidence.by_deadline.n
        yield Estimate(
            *(f"median_{measure}", words, incidence.median, None, None, n, "seconds"),
            beyond=deadline,
            note="of all scored trials, healing competes",
        )


NOTHING = "-"


def format_value(estimate: Estimate) -> str:
    """Returns the value, as `67%`, `12.3 s`, `> 60 s`, `4`."""
    return _number(estimate, estimate.value)


def format_interval(estimate: Estimate) -> str:
    """Returns the interval, as `9% to 99%`; `13.0 s and above` where it is open."""
    if estimate.low is None:
        return NOTHING
    if estimate.high is None:
        return f"{_number(estimate, estimate.low)} and above"
    return f"{_number(estimate, estimate.low)} to {_number(estimate, estimate.high)}"


def format_size(estimate: Estimate) -> str:
    """Returns the n; of a rate, count and n, as `2/3`."""
    return f"{estimate.count}/{estimate.n}" if estimate.count is not None else str(estimate.n)


def format_estimate(estimate: Estimate) -> str:
    """Returns value, interval and n in one cell."""
    around = format_interval(estimate)
    value = format_value(estimate) if around == NOTHING else f"{format_value(estimate)} ({around})"
    return f"{value}, {format_size(estimate) if estimate.count is not None else f'n={estimate.n}'}"


def format_p(p: float | None) -> str:
    """Returns the p-value as a text."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3g}"


def _number(estimate: Estimate, number: float | None) -> str:
    if number is None:
        return NOTHING if estimate.beyond is None else f"> {estimate.beyond:g} s"
    if estimate.unit == "share":
        return f"{number:.0%}"
    return f"{number:.1f} s" if estimate.unit == "seconds" else f"{number:g}"
