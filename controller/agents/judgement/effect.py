"""What a command may do to a system, and how a program's verbs say so.

*Destroys*: something that ran or was kept is stopped, thrown away or overwritten. *Changes*: the system may behave
otherwise afterwards. *Reads*: neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Effect(IntEnum):
    """From harmless to bad: a line is as bad as its worst part."""

    READS = 0
    UNKNOWN = 1
    CHANGES = 2
    DESTROYS = 3


@dataclass(frozen=True, slots=True)
class Program:
    """Words by effect. `valued` are options whose value is the next word; `otherwise` is for verbs not named.

    Inside an entry `*` stands for any one word, as in `member * show`.
    """

    destroys: str = ""
    changes: str = ""
    reads: str = ""
    valued: frozenset[str] = frozenset()
    otherwise: Effect = Effect.UNKNOWN
    table: dict[tuple[str, ...], Effect] = field(init=False, default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        named = ((Effect.DESTROYS, self.destroys), (Effect.CHANGES, self.changes), (Effect.READS, self.reads))
        for effect, text in named:
            self.table.update({tuple(entry.split()): effect for entry in text.split(",") if entry.strip()})


def words(text: str) -> frozenset[str]:
    """The words of a text: lists are easier to read, and to add to, without quotes and commas."""
    return frozenset(text.split())
