"""The page: what was computed, filled into the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from controller.analysis import words
from controller.analysis.comparison import Comparison
from controller.analysis.estimates import Estimate, estimates
from controller.analysis.summary import Analysis
from controller.api import Outcome
from controller.report import figures
from controller.report.origins import manifest
from controller.report.stories import Story, outcome_kind

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A campaign: its name on the page, its numbers, its attempts, and `left_out` of them that are not told."""

    name: str
    analysis: Analysis
    stories: tuple[Story, ...]
    left_out: int
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of an outcome bar."""

    outcome: str
    count: int
    percent: float
    kind: str


def render(chapters: Sequence[Chapter], comparisons: Sequence[Comparison], made_at: datetime, made_by: str) -> str:
    """The whole file."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["both"] = words.both
    drawn = [(each.name, each.analysis.recovery) for each in chapters]
    curves = [(name, recovery.curve) for name, recovery in drawn if recovery is not None]
    deadlines = [recovery.restricted_mean.deadline for _, recovery in drawn if recovery is not None]
    numbers = [{line.measure: line for line in estimates(each.analysis)} for each in chapters]
    return env.get_template("report.html").render(
        chapters=chapters,
        comparisons=comparisons,
        bars=[bars(each.analysis) for each in chapters],
        figure=figures.recovery(curves, min(deadlines)) if curves else None,
        arms=[(name, index % figures.ARMS) for index, (name, _) in enumerate(curves)],
        numbers=numbers,
        measures=_measures(numbers),
        manifests=[manifest(each.analysis.campaign) for each in chapters],
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
        made_by=made_by,
        style=(TEMPLATES / "style.css").read_text(),
    )


def bars(analysis: Analysis) -> list[Bar]:
    """All attempts by outcome, in the order of the words; percent of them."""
    total = sum(analysis.outcomes.values())
    return [
        Bar(name, count, round(count / total * 100, 2), outcome_kind(Outcome(name)))
        for name, count in analysis.outcomes.items()
    ]


def _measures(numbers: Sequence[dict[str, Estimate]]) -> list[tuple[str, str]]:
    """Measure and words, of every line that any chapter has."""
    return list({measure: line.words for lines in numbers for measure, line in lines.items()}.items())
