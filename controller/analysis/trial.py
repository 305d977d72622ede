"""An attempt as statistics see it: light enough for 100,000 of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controller.api import Outcome

DETECTED = frozenset({Outcome.RESOLVED, Outcome.FALSE_RESOLUTION, Outcome.DETECTED_UNRESOLVED})
"""How trials end in which the agent had its ticket in time, and while there was something to find."""


@dataclass(frozen=True, slots=True)
class CommandCounts:
    """What an agent ran in one trial. `repeated` are those that had run before, word for word, with the same tool."""

    total: int
    unique: int
    mutating: int
    destructive: int

    @property
    def repeated(self) -> int:
        """Commands beyond the first of their kind: an agent that goes round in circles has many."""
        return self.total - self.unique


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An attempt that ended. Times are seconds after the injection (in a control: after the watch began), None where it
    did not happen.

    `commands` is None where no log of commands was kept, which is not the same as an empty one.
    """

    trial: int
    attempt: int
    seed: int
    outcome: Outcome
    window: float | None
    """To the deadline: what had not happened by then is censored there."""
    recovered: float | None = None
    detected: float | None = None
    resolved: float | None = None
    commands: CommandCounts | None = None
    flags: tuple[str, ...] = ()

    @property
    def deadline(self) -> float:
        """The window of a scored trial, which always has one."""
        assert self.window is not None, f"trial {self.trial} is {self.outcome} and has no deadline"
        return self.window

    @property
    def recovered_in_time(self) -> float | None:
        """Seconds to recover, if that was by the deadline."""
        return self.recovered if self.recovered is not None and self.recovered <= self.deadline else None


def count(commands: Iterable[Mapping[str, Any]]) -> CommandCounts:
    """Count the commands of one log, as the records hold them."""
    log = list(commands)
    different = {(command.get("tool"), command.get("command")) for command in log}
    mutating = sum(1 for command in log if command.get("mutating"))
    destructive = sum(1 for command in log if command.get("destructive"))
    return CommandCounts(len(log), len(different), mutating, destructive)


def scored(trials: Iterable[Trial]) -> list[Trial]:
    """The trials that count: the n of every rate."""
    return [trial for trial in trials if trial.outcome.scored]
