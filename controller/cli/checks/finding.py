"""What the doctor finds: each thing in one line, with what to do where it is not well."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only `fail` makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence, and in `fix` how to mend it."""

    level: Level
    said: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return asdict(self)


def ok(said: str) -> Finding:
    """It is well."""
    return Finding(Level.OK, said)


def warn(said: str, fix: str = "") -> Finding:
    """It may not be well, or cannot be told."""
    return Finding(Level.WARN, said, fix)


def fail(said: str, fix: str) -> Finding:
    """Nothing will come of it like this."""
    return Finding(Level.FAIL, said, fix)
