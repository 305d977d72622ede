"""What can be said of a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a command could do. `why` is a few words for people; what destroys also changes."""

    mutating: bool = False
    destructive: bool = False
    why: str = ""


def reads(why: str) -> Judgement:
    """It only looks."""
    return Judgement(why=why)


def changes(why: str) -> Judgement:
    """It could change something."""
    return Judgement(mutating=True, why=why)


def destroys(why: str) -> Judgement:
    """It could take something away for good, or something out of service."""
    return Judgement(mutating=True, destructive=True, why=why)


UNKNOWN = Judgement(why="unknown command")


Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Look:
    """For programs that run others: judges those, given as words or as a line of shell."""

    words: Callable[[Words], Judgement]
    line: Callable[[str], Judgement]


Rule = Callable[[Words, Look], Judgement]
