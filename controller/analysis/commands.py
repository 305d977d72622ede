"""What agents ran: medians and ranges over the scored trials that have a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from controller.analysis.trial import Trial
from controller.records.rows import Flag

COUNTED = ("total", "unique", "repeated", "mutating", "destructive")


@dataclass(frozen=True, slots=True)
class Spread:
    """Commands of one kind per trial, over `n` trials.

    Of these `incomplete` have only a part of their log: their counts are the least that there were.
    """

    kind: str
    median: float
    least: int
    most: int
    n: int
    incomplete: int


def spreads(trials: Sequence[Trial]) -> tuple[Spread, ...]:
    """One for each kind that is COUNTED; none where no trial has a log."""
    logged = [trial for trial in trials if trial.commands is not None]
    if not logged:
        return ()
    incomplete = sum(Flag.COMMANDS_INCOMPLETE in trial.flags for trial in logged)
    return tuple(_spread(kind, logged, incomplete) for kind in COUNTED)


def _spread(kind: str, logged: Sequence[Trial], incomplete: int) -> Spread:
    counts = [getattr(trial.commands, kind) for trial in logged]
    return Spread(kind, float(median(counts)), min(counts), max(counts), len(counts), incomplete)
