"""An attempt as the page shows it: its outcome, its events, what changed, what the agent ran. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.analysis.junit import PASSED
from controller.api import Outcome
from controller.difference import ABSENT, changes
from controller.jsontypes import Json
from controller.records.rows import AttemptRow

HALF = frozenset({Outcome.DETECTED_UNRESOLVED, Outcome.FALSE_RESOLUTION})

SIGNS = {"good": "✓", "half": "◐", "bad": "✕", "none": "○"}

WORDS = {
    Outcome.RESOLVED: "found, called resolved, and so it was",
    Outcome.FALSE_RESOLUTION: "found, called resolved, and it was not",
    Outcome.DETECTED_UNRESOLVED: "found, and not called resolved in time",
    Outcome.UNDETECTED: "not found, and it did not recover",
    Outcome.SELF_HEALED: "recovered with nobody acting",
    Outcome.NOT_HEALED: "did not recover in time",
    Outcome.QUIET: "nothing was broken, and no alarm was raised",
    Outcome.FALSE_ALARM: "nothing was broken, and an alarm was raised",
    Outcome.NOT_MANIFESTED: "the fault never showed; not counted",
    Outcome.INFRA_ERROR: "it could not be run, or not be seen; not counted, and run again",
    Outcome.INTERRUPTED: "the controller was stopped; not counted, and run again",
    Outcome.ABORTED: "the campaign was ended; not counted",
}
"""What each means, to somebody who has read nothing else."""


def outcome_kind(outcome: Outcome | None) -> str:
    """`good`, `half`, `bad`, or `none` for what says nothing: which colour and which of the SIGNS it has."""
    if outcome is None or not outcome.scored:
        return "none"
    return "good" if outcome in PASSED else "half" if outcome in HALF else "bad"


MAX_CHANGES = 200
FOLDED = 600
"""Characters, or LINES of lines, from which on what an agent said or ran is folded: it opens to the whole text."""
LINES = 8
MAX_CHARACTERS = 400
"""Of one value: states hold whole lists, and a page is to be read."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event on the line of time: `seconds` after its beginning, `percent` of its length."""

    name: str
    words: str
    seconds: float
    percent: float


@dataclass(frozen=True, slots=True)
class Period:
    """A part of the line, in percent of it, in which the subject was `healthy` or `broken`, or clients `cut off`."""

    name: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class AgentStep:
    """A step of the agent: `kind` is `command` or `reasoning`. `at` is seconds after the injection, where known."""

    kind: str
    at: float | None
    text: str
    tool: str = ""
    effects: tuple[str, ...] = ()
    """`mutating`, `destructive`: what a command could do."""
    notes: tuple[str, ...] = ()

    @property
    def excerpt(self) -> str | None:
        """Of a text that is to be folded, what shows of it then; None of a short one."""
        lines = self.text.splitlines()
        if len(self.text) <= FOLDED and len(lines) <= LINES:
            return None
        first = next((line for line in lines if line.strip()), "")[:100]
        return f"{first}… ({len(self.text):,} characters)"


@dataclass(frozen=True, slots=True)
class AttemptSection:
    """All that is shown of one attempt. `changes` are path, before and after; None where a state was not captured."""

    trial: int
    attempt: int
    seed: int
    outcome: str
    kind: str
    summary: str
    flags: tuple[str, ...]
    error: str | None
    target: str | None
    moments: tuple[Moment, ...]
    periods: tuple[Period, ...]
    fault: tuple[tuple[str, str], ...]
    changes: tuple[tuple[str, str, str], ...] | None
    more_changes: int
    steps: tuple[AgentStep, ...]
    log_kept: bool
    """Whether an agent's log was kept: one that is empty is not the same as none."""

    @property
    def key_moments(self) -> tuple[Moment, ...]:
        """The moments that sum the attempt up."""
        return tuple(moment for moment in self.moments if moment.name in ("detected", "resolved", "healthy"))


def attempt_section(attempt: AttemptRow, summary: str) -> AttemptSection:
    """Returns the section of an attempt that was read with its states and its log."""
    found = None
    if attempt.initial_state is not None and attempt.final_state is not None:
        found = list(changes(attempt.initial_state, attempt.final_state))
    moments, periods = _line(attempt)
    return AttemptSection(
        trial=attempt.trial,
        attempt=attempt.attempt,
        seed=attempt.seed,
        outcome=str(attempt.outcome or f"({attempt.step})"),
        kind=outcome_kind(attempt.outcome),
        summary=summary,
        flags=tuple(attempt.flags),
        error=attempt.error,
        target=attempt.target,
        moments=moments,
        periods=periods,
        fault=tuple((key, short(value)) for key, value in (attempt.fault or {}).items()),
        changes=None
        if found is None
        else tuple((c.path, short(c.before), short(c.after)) for c in found[:MAX_CHANGES]),
        more_changes=max(0, len(found or ()) - MAX_CHANGES),
        steps=_in_order(list(_steps(attempt))),
        log_kept=attempt.commands is not None,
    )


def short(value: Json) -> str:
    """A value in a line."""
    text = "(absent)" if value is ABSENT else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}… ({len(text):,} characters)"


def _start(attempt: AttemptRow) -> datetime:
    return attempt.chaos_injected_at or attempt.window_started_at or attempt.started_at


def _line(attempt: AttemptRow) -> tuple[tuple[Moment, ...], tuple[Period, ...]]:
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
    moments = tuple(
        Moment(name, words, at, _percent(at, length))
        for (name, words), at in sorted(seconds.items(), key=lambda each: each[1])
    )
    return moments, tuple(_periods({moment.name: moment.percent for moment in moments}))


def _periods(at: Mapping[str, float]) -> Iterator[Period]:
    if "injected" not in at:
        yield Period("healthy", 0, 100)
        return
    broken = at.get("manifested", at["injected"])
    healthy_at = at.get("healthy", 100.0)
    yield Period("broken", broken, healthy_at - broken)
    yield Period("healthy", healthy_at, 100 - healthy_at)
    if "cut" in at:
        yield Period("cut", at["cut"], at.get("served", 100.0) - at["cut"])


def _percent(seconds: float, length: float) -> float:
    return round(min(max(seconds, 0), length) / length * 100, 2)


def _steps(attempt: AttemptRow) -> Iterator[AgentStep]:
    """In the order of the log."""
    start, commands = _start(attempt), attempt.commands or []
    thoughts = sorted(attempt.reasoning or (), key=lambda thought: int(thought["after"]))
    done = 0
    for thought in thoughts:
        yield from (_command(each, start) for each in commands[done : thought["after"]])
        done = max(done, thought["after"])
        yield AgentStep("reasoning", _seconds(thought.get("at"), start), str(thought["text"]))
    yield from (_command(each, start) for each in commands[done:])


def _seconds(at: str | None, start: datetime) -> float | None:
    return (datetime.fromisoformat(at) - start).total_seconds() if at else None


def _command(command: Mapping[str, Json], start: datetime) -> AgentStep:
    effects = tuple(name for name in ("mutating", "destructive") if command.get(name))
    notes = [f"exit status {command['exitCode']}"] if command.get("exitCode") is not None else []
    notes += [f"judged so: {command['why']}"] if command.get("why") else []
    text, tool = str(command.get("command", "")), str(command.get("tool", ""))
    return AgentStep("command", _seconds(command.get("at"), start), text, tool, effects, tuple(notes))


def _in_order(steps: Sequence[AgentStep]) -> tuple[AgentStep, ...]:
    """By time; what has none stays behind the one before it."""
    last, keyed = float("-inf"), []
    for each in steps:
        last = last if each.at is None else each.at
        keyed.append((last, each))
    return tuple(each for _, each in sorted(keyed, key=lambda pair: pair[0]))
