"""Prints the table of docs/standin.md, recorded beside stand-in: `python -m tests.simulation.standin_table [RUNS]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from tests.support.standin.milestones import Found, milestones
from tests.support.standin.recordings import Recording
from tests.support.standin.scripts import SCRIPTS, play

ELECTION_SLACK_SECONDS = 3.0
"""How far from what some seeds gave a recorded election may be: it is one throw of a die with ten sides, or of ten."""

SLACK_SECONDS = 2.0
"""For all else: an interval of the stores' heartbeats, and about what a container takes to start."""

_DECIDED_BY_ELECTIONS = ("writes go on", "led anew", "named by PD", "gives up")


def slack(what: str) -> float:
    """How far outside the stand-in's range a recorded moment may lie. Counts must be met."""
    if what.endswith("most"):
        return 0.0
    return ELECTION_SLACK_SECONDS if what.endswith(_DECIDED_BY_ELECTIONS) else SLACK_SECONDS


@dataclass(frozen=True, slots=True)
class Line:
    """One milestone of one recording; `seen` are the stand-in's, of the runs in which it came."""

    what: str
    recorded: float | None
    poll: float
    """The recorded moment may have been so much earlier."""
    seen: tuple[float, ...]
    runs: int

    @property
    def agrees(self) -> bool:
        """Whether it came in every run, or in none, as recorded; and about when it was recorded."""
        if self.recorded is None:
            return not self.seen
        if len(self.seen) < self.runs:
            return False
        early = 0.0 if self.what.endswith("most") else self.poll
        beyond = slack(self.what)
        return min(self.seen) - beyond <= self.recorded and self.recorded - early <= max(self.seen) + beyond


def recorded(script: str) -> dict[str, tuple[Found, float]]:
    """By recording: its milestones, and how long after its time a thing may have been seen."""
    parts = [Recording(part.name) for part in SCRIPTS[script]]
    found = {}
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        until = following.began - part.began if following is not None else float("inf")
        story = part.story(parts[0].name, part.began - parts[0].began, until)
        found[part.name] = (milestones(story), story.poll)
    return found


def lines(script: str, seeds: Iterable[int]) -> dict[str, list[Line]]:
    """By recording: every milestone that was recorded, or that the stand-in came to."""
    runs: dict[str, list[Found]] = {}
    for seed in seeds:
        for name, story in play(script, seed).items():
            runs.setdefault(name, []).append(milestones(story))
    table = {}
    for name, (found, poll) in recorded(script).items():
        also = [what for run in runs[name] for what in run if what not in found]
        table[name] = [_line(what, found, poll, runs[name]) for what in dict.fromkeys([*found, *also])]
    return table


def _line(what: str, found: Mapping[str, float], poll: float, runs: list[Found]) -> Line:
    seen = tuple(sorted(run[what] for run in runs if what in run))
    return Line(what, found.get(what), poll, seen, len(runs))


def table(runs: int) -> str:
    """As Markdown. Seconds after the command, or counts."""
    text = [
        "| recording | what | recorded | stand-in: least | median | most | in runs |",
        "|---|---|---|---|---|---|---|",
    ]
    for script in SCRIPTS:
        for name, found in lines(script, range(runs)).items():
            for at, line in enumerate(found):
                ends = [min(line.seen), median(line.seen), max(line.seen)] if line.seen else []
                cells = [name if not at else "", line.what, _number(line.recorded, line.what)]
                cells += [_number(value, line.what) for value in ends] or ["-"] * 3
                text.append(f"| {' | '.join([*cells, f'{len(line.seen)}/{line.runs}'])} |")
    return "\n".join(text)


def _number(value: float | None, what: str) -> str:
    return "-" if value is None else f"{value:.0f}" if what.endswith("most") else f"{value:.1f}"


if __name__ == "__main__":
    print(table(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
