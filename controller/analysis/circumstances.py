"""How two campaigns ran beside each other. What else changed between them is part of any difference they show."""

from __future__ import annotations

from collections.abc import Iterable

from controller.analysis.trial import Trial
from controller.records.rows import CampaignRow, Flag

UNITS = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
"""Seconds in each, the longest first."""

DRIFT = "what changed meanwhile (drift) cannot be told from an effect"


def in_turns(first: CampaignRow, second: CampaignRow) -> bool:
    """Whether the two are the arms of one experiment: they were to take their subject in turns."""
    ours, theirs = (row.spec.get("interleave") or {} for row in (first, second))
    group = (first.namespace, ours.get("group"))
    return bool(ours.get("group")) and group == (second.namespace, theirs.get("group")) and ours != theirs


def circumstances(first: CampaignRow, second: CampaignRow, trials: Iterable[Trial]) -> str:
    """A sentence. `trials` are those of both."""
    if in_turns(first, second):
        return _turns([trial.trial for trial in trials if Flag.UNPAIRED in trial.flags])
    earlier, later = sorted((first, second), key=lambda row: row.started_at or row.created_at)
    begun, over = later.started_at, earlier.finished_at
    if begun is None or over is None:
        return f"They did not take turns, and one of them is not over: {DRIFT}."
    apart = (begun - over).total_seconds()
    when = "while the other ran" if apart < 0 else f"{_span(apart)} after the other had ended"
    return f"They did not take turns: one began {when}, and {DRIFT}."


def _turns(alone: list[int]) -> str:
    if not alone:
        return "They took turns, trial by trial."
    if (first := min(alone)) == 1:
        return f"They were to take turns, and did not: {DRIFT}."
    return f"They took turns up to trial {first - 1}; from trial {first} on one of them ran alone, and there {DRIFT}."


def _span(seconds: float) -> str:
    size, unit = next((each for each in UNITS if seconds >= 2 * each[0]), UNITS[-1])
    return f"{seconds / size:.0f} {unit}"
