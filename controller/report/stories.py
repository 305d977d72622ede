"""An attempt as the page shows it: what happened when, what changed, what the agent ran. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.difference import ABSENT, changes
from controller.records.rows import AttemptRow, Json
from controller.report.outcomes import outcome_kind

MOST_CHANGES = 200
FOLDED = 600
"""Characters, or LINES of lines, from which on what an agent said or ran is folded: it opens to the whole text."""
LINES = 8
MOST_CHARACTERS = 400
"""Of one value: states hold whole lists, and a page is to be read."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on the line of time: `seconds` after its beginning, `percent` of its length."""

    name: str
    words: str
    seconds: float
    percent: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the line, in percent of it, in which the subject was `healthy` or `broken`, or clients `cut off`."""

    name: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Said:
    """A step of the agent: `kind` is `command` or `reasoning`. `at` is seconds after the injection, where known."""

    kind: str
    at: float | None
    text: str
    tool: str = ""
    powers: tuple[str, ...] = ()
    """`mutating`, `destructive`: what a command could do."""
    notes: tuple[str, ...] = ()

    @property
    def beginning(self) -> str | None:
        """Of a text that is to be folded, what shows of it then; None of a short one."""
        lines = self.text.splitlines()
        if len(self.text) <= FOLDED and len(lines) <= LINES:
            return None
        first = next((line for line in lines if line.strip()), "")[:100]
        return f"{first}… ({len(self.text):,} characters)"


@dataclass(frozen=True, slots=True)
class Story:
    """All that is shown of one attempt. `changes` are path, before and after; None where a state was not captured."""

    trial: int
    attempt: int
    seed: int
    outcome: str
    kind: str
    narrative: str
    flags: tuple[str, ...]
    error: str | None
    target: str | None
    marks: tuple[Mark, ...]
    stretches: tuple[Stretch, ...]
    fault: tuple[tuple[str, str], ...]
    changes: tuple[tuple[str, str, str], ...] | None
    more_changes: int
    said: tuple[Said, ...]
    looked: bool
    """Whether an agent's log was kept: one that is empty is not the same as none."""

    @property
    def moments(self) -> tuple[Mark, ...]:
        """Of the marks those that sum it up."""
        return tuple(mark for mark in self.marks if mark.name in ("detected", "resolved", "healthy"))


def tell(attempt: AttemptRow, narrative: str) -> Story:
    """The story of an attempt that was read whole."""
    found = None
    if attempt.initial_state is not None and attempt.final_state is not None:
        found = list(changes(attempt.initial_state, attempt.final_state))
    marks, stretches = _line(attempt)
    return Story(
        trial=attempt.trial,
        attempt=attempt.attempt,
        seed=attempt.seed,
        outcome=str(attempt.outcome or f"({attempt.step})"),
        kind=outcome_kind(attempt.outcome),
        narrative=narrative,
        flags=tuple(attempt.flags),
        error=attempt.error,
        target=attempt.target,
        marks=marks,
        stretches=stretches,
        fault=tuple((key, short(value)) for key, value in (attempt.fault or {}).items()),
        changes=None
        if found is None
        else tuple((c.path, short(c.before), short(c.after)) for c in found[:MOST_CHANGES]),
        more_changes=max(0, len(found or ()) - MOST_CHANGES),
        said=_in_order(list(_said(attempt))),
        looked=attempt.commands is not None,
    )


def short(value: Json) -> str:
    """A value in a line."""
    text = "(absent)" if value is ABSENT else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… ({len(text):,} characters)"


def _start(attempt: AttemptRow) -> datetime:
    return attempt.chaos_injected_at or attempt.window_started_at or attempt.started_at


def _line(attempt: AttemptRow) -> tuple[tuple[Mark, ...], tuple[Stretch, ...]]:
    start = _start(attempt)
    named = (
        ("injected", "injected", attempt.chaos_injected_at),
        ("manifested", "first sign of the fault", attempt.manifested_at),
        ("cut", "clients cut off", attempt.serving_lost_at),
        ("detected", "detected by the agent", attempt.detected_at),
        ("resolved", "called resolved by the agent", attempt.resolution_at),
        ("served", "clients served again", attempt.serving_again_at),
        ("healthy", "healthy again", attempt.recovered_at),
        ("deadline", "deadline", attempt.deadline_at),
    )
    seconds = {(name, words): (at - start).total_seconds() for name, words, at in named if at is not None}
    length = max([*seconds.values(), 1e-9])
    marks = tuple(
        Mark(name, words, at, _percent(at, length))
        for (name, words), at in sorted(seconds.items(), key=lambda each: each[1])
    )
    return marks, tuple(_stretches({mark.name: mark.percent for mark in marks}))


def _stretches(at: Mapping[str, float]) -> Iterator[Stretch]:
    if "injected" not in at:
        yield Stretch("healthy", 0, 100)
        return
    broken = at.get("manifested", at["injected"])
    healthy_at = at.get("healthy", 100.0)
    yield Stretch("broken", broken, healthy_at - broken)
    yield Stretch("healthy", healthy_at, 100 - healthy_at)
    if "cut" in at:
        yield Stretch("cut", at["cut"], at.get("served", 100.0) - at["cut"])


def _percent(seconds: float, length: float) -> float:
    return round(min(max(seconds, 0), length) / length * 100, 2)


def _said(attempt: AttemptRow) -> Iterator[Said]:
    """In the order of the log."""
    start, commands = _start(attempt), attempt.commands or []
    thoughts = sorted(attempt.reasoning or (), key=lambda thought: int(thought["after"]))
    told = 0
    for thought in thoughts:
        yield from (_command(each, start) for each in commands[told : thought["after"]])
        told = max(told, thought["after"])
        yield Said("reasoning", _seconds(thought.get("at"), start), str(thought["text"]))
    yield from (_command(each, start) for each in commands[told:])


def _seconds(at: str | None, start: datetime) -> float | None:
    return (datetime.fromisoformat(at) - start).total_seconds() if at else None


def _command(command: Mapping[str, Json], start: datetime) -> Said:
    powers = tuple(name for name in ("mutating", "destructive") if command.get(name))
    notes = [f"exit status {command['exitCode']}"] if command.get("exitCode") is not None else []
    notes += [f"judged so: {command['why']}"] if command.get("why") else []
    text, tool = str(command.get("command", "")), str(command.get("tool", ""))
    return Said("command", _seconds(command.get("at"), start), text, tool, powers, tuple(notes))


def _in_order(said: Sequence[Said]) -> tuple[Said, ...]:
    """By time; what has none stays behind the one before it."""
    last, keyed = float("-inf"), []
    for each in said:
        last = last if each.at is None else each.at
        keyed.append((last, each))
    return tuple(each for _, each in sorted(keyed, key=lambda pair: pair[0]))
