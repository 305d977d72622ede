"""Which trials of two campaigns belong together: those of the same index and seed hit the same target.

A trial with the flag `Unpaired` has no partner, whatever its seed: it was to be run beside another one, and was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.analysis.trial import Trial, scored
from controller.records.rows import Flag

MOST_LOST = 0.2
"""Pairs are used where no arm loses more than this share of its scored trials, else all trials without pairs."""

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pairing:
    """The scored trials that are compared, in the same order in both arms where `paired`; `left_out` had no partner."""

    first: tuple[Trial, ...]
    second: tuple[Trial, ...]
    paired: bool
    left_out: int


def pair(first: Sequence[Trial], second: Sequence[Trial]) -> Pairing:
    """Pair them by index and seed if the arms share those, else take all scored trials."""
    ours, theirs = _by_key(first), _by_key(second)
    both = [key for key in sorted(ours) if key in theirs and not _alone(ours[key]) and not _alone(theirs[key])]
    larger = max(len(ours), len(theirs))
    if both and len(both) >= (1 - MOST_LOST) * larger:
        left_out = len(ours) + len(theirs) - 2 * len(both)
        return Pairing(tuple(ours[key] for key in both), tuple(theirs[key] for key in both), True, left_out)
    return Pairing(tuple(ours.values()), tuple(theirs.values()), False, 0)


def _by_key(arm: Sequence[Trial]) -> Mapping[Key, Trial]:
    return {(trial.trial, trial.seed): trial for trial in scored(arm)}


def _alone(trial: Trial) -> bool:
    return Flag.UNPAIRED in trial.flags
