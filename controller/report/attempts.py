"""Makes an attempt into a section of the page: outcome, events, changes, and the agent's commands. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.analysis.junit import PASSED
from controller.analysis.moments import DURATIONS, MOMENTS
from controller.api import Outcome
from controller.difference import ABSENT, changes
from controller.jsontypes import Json
from controller.records.rows import AttemptRow
from controller.text import truncate

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
"""What each outcome means, for readers who know nothing else."""


def outcome_kind(outcome: Outcome | None) -> str:
    """Returns `good`, `half` or `bad`, or `none` for an unscored outcome. It selects the colour and the sign."""
    if outcome is None or not outcome.scored:
        return "none"
    return "good" if outcome in PASSED else "half" if outcome in HALF else "bad"


MAX_CHANGES = 200
MAX_UNFOLDED_CHARACTERS = 600
"""The page folds a longer reasoning or command of an agent. A click shows the whole text."""
MAX_UNFOLDED_LINES = 8
"""The page folds a text of more lines than this, too."""
MAX_VALUE_CHARACTERS = 400
"""The most characters shown of one value. States may hold long lists."""


@dataclass(frozen=True, slots=True)
class PointInTime:
    """A recorded time on the attempt's line: `seconds` after its beginning, `percent` of its length."""

    name: str
    label: str
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
        """Returns the text shown while the step is folded; None where it is too short to be folded."""
        lines = self.text.splitlines()
        if len(self.text) <= MAX_UNFOLDED_CHARACTERS and len(lines) <= MAX_UNFOLDED_LINES:
            return None
        first = next((line for line in lines if line.strip()), "")[:100]
        return f"{first}… ({len(self.text):,} characters)"


@dataclass(frozen=True, slots=True)
class AttemptSection:
    """What the page shows of one attempt. `changes` are path, before and after; None where a state is missing."""

    trial: int
    attempt: int
    seed: int
    outcome: str
    kind: str
    summary: str
    flags: tuple[str, ...]
    error: str | None
    target: str | None
    moments: tuple[PointInTime, ...]
    periods: tuple[Period, ...]
    fault: tuple[tuple[str, str], ...]
    changes: tuple[tuple[str, str, str], ...] | None
    more_changes: int
    steps: tuple[AgentStep, ...]
    log_kept: bool
    """Whether a log of the agent was kept. An empty log is different from none."""

    @property
    def key_moments(self) -> tuple[PointInTime, ...]:
        """Returns the times in the attempt's heading: detected, resolved, recovered."""
        return tuple(moment for moment in self.moments if moment.name in [each.name for each in DURATIONS])


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
        fault=tuple((key, format_value(value)) for key, value in (attempt.fault or {}).items()),
        changes=None
        if found is None
        else tuple((c.path, format_value(c.before), format_value(c.after)) for c in found[:MAX_CHANGES]),
        more_changes=max(0, len(found or ()) - MAX_CHANGES),
        steps=_in_order(list(_steps(attempt))),
        log_kept=attempt.commands is not None,
    )


def format_value(value: Json) -> str:
    """Returns a value as text of at most MAX_VALUE_CHARACTERS; the length of a longer text follows it."""
    text = "(absent)" if value is ABSENT else value if isinstance(value, str) else json.dumps(value)
    shown = truncate(text, MAX_VALUE_CHARACTERS)
    return text if shown == text else f"{shown} ({len(text):,} characters)"


def _start(attempt: AttemptRow) -> datetime:
    return attempt.chaos_injected_at or attempt.window_started_at or attempt.started_at


def _line(attempt: AttemptRow) -> tuple[tuple[PointInTime, ...], tuple[Period, ...]]:
    start = _start(attempt)
    seconds = {
        moment: (at - start).total_seconds()
        for moment in MOMENTS
        if (at := getattr(attempt, moment.attribute)) is not None
    }
    length = max([*seconds.values(), 1e-9])
    points = tuple(
        PointInTime(moment.name, moment.label, at, _percent(at, length))
        for moment, at in sorted(seconds.items(), key=lambda each: each[1])
    )
    return points, tuple(_periods({point.name: point.percent for point in points}))


def _periods(at: Mapping[str, float]) -> Iterator[Period]:
    if "injected" not in at:
        yield Period("healthy", 0, 100)
        return
    broken = at.get("manifested", at["injected"])
    healthy_at = at.get("recovered", 100.0)
    yield Period("broken", broken, healthy_at - broken)
    yield Period("healthy", healthy_at, 100 - healthy_at)
    if "serving lost" in at:
        yield Period("cut", at["serving lost"], at.get("serving again", 100.0) - at["serving lost"])


def _percent(seconds: float, length: float) -> float:
    return round(min(max(seconds, 0), length) / length * 100, 2)


def _steps(attempt: AttemptRow) -> Iterator[AgentStep]:
    """Yields the agent's steps in the order of the log."""
    start, commands = _start(attempt), attempt.commands or []
    entries = sorted(attempt.reasoning or (), key=lambda entry: int(entry["after"]))
    done = 0
    for entry in entries:
        yield from (_command(each, start) for each in commands[done : entry["after"]])
        done = max(done, entry["after"])
        yield AgentStep("reasoning", _seconds(entry.get("at"), start), str(entry["text"]))
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
    """Returns the steps sorted by time. A step without a time stays behind its predecessor."""
    last, keyed = float("-inf"), []
    for each in steps:
        last = last if each.at is None else each.at
        keyed.append((last, each))
    return tuple(each for _, each in sorted(keyed, key=lambda pair: pair[0]))
