"""What an attempt's commands come to, in numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counts:
    """How many commands, how many different ones, how many more than once; how many could change and destroy."""

    total: int
    unique: int
    repeated: int
    mutating: int
    destructive: int


STORED = ("total", "unique", "mutating", "destructive")
"""Those with a column of their own, `commands_total` and on: a log lies behind both states of its row, and adding up a
hundred thousand logs takes reading all of that. What is repeated is the rest of the total."""


def count(commands: Sequence[Mapping[str, Any]]) -> Counts:
    """Of commands as the record has them. Two are the same when tool and command are, whatever the reasoning."""
    different = {(command["tool"], command["command"]) for command in commands}
    return Counts(
        total=len(commands),
        unique=len(different),
        repeated=len(commands) - len(different),
        mutating=sum(bool(command["mutating"]) for command in commands),
        destructive=sum(bool(command["destructive"]) for command in commands),
    )


def columns(commands: Sequence[Mapping[str, Any]] | None) -> dict[str, int | None]:
    """Their counts as they are stored beside them; nulls where no agent was looked at."""
    counts = None if commands is None else count(commands)
    return {f"commands_{name}": None if counts is None else getattr(counts, name) for name in STORED}
