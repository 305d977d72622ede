"""Renders the page: results in the template, and how to run each campaign again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from controller.analysis.comparison import Comparison
from controller.analysis.estimates import (
    NOTHING,
    Estimate,
    estimates,
    format_estimate,
    format_interval,
    format_size,
    format_value,
)
from controller.analysis.summary import Analysis
from controller.api import GROUP, KIND, VERSION, Outcome
from controller.jsontypes import Json
from controller.printable import printable
from controller.records.rows import CampaignRow
from controller.report import figures
from controller.report.attempts import SIGNS, WORDS, AttemptSection, outcome_kind

TEMPLATES = Path(__file__).parent / "templates"

HEADLINES = (
    *("recovery_rate", "restricted_mean_time_to_recover", "resolution_rate", "detection_rate", "median_time_to_detect"),
    *("quiet_rate",),
)
"""The measures that stand in large type at the top; the table has all."""


@dataclass(frozen=True, slots=True)
class CampaignSection:
    """A campaign: its name on the page, its numbers, its attempts, and `left_out` of them that are not on the page."""

    name: str
    analysis: Analysis
    attempts: tuple[AttemptSection, ...]
    left_out: int
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of an outcome bar."""

    outcome: str
    words: str
    count: int
    percent: float
    kind: str


def render(
    sections: Sequence[CampaignSection], comparisons: Sequence[Comparison], made_at: datetime, made_by: str
) -> str:
    """Returns the HTML of the whole page."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"both": format_estimate, "value": format_value, "interval": format_interval, "size": format_size}
    env.globals |= {"signs": SIGNS, "nothing": NOTHING}
    numbers = [{line.measure: line for line in estimates(each.analysis)} for each in sections]
    return env.get_template("report.html").render(
        sections=sections,
        comparisons=comparisons,
        bars=[bars(each.analysis) for each in sections],
        **_curves(sections),
        arms=[index % figures.ARMS for index, _ in enumerate(sections)],
        numbers=numbers,
        headlines=[[lines[measure] for measure in HEADLINES if measure in lines] for lines in numbers],
        measures=_measures(numbers),
        manifests=[manifest(each.analysis.campaign) for each in sections],
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
        made_by=made_by,
        style=(TEMPLATES / "style.css").read_text(),
    )


def bars(analysis: Analysis) -> list[Bar]:
    """Returns a bar for each outcome, with its percentage of all attempts."""
    total = sum(analysis.outcomes.values())
    return [
        Bar(name, WORDS[outcome], count, round(count / total * 100, 2), outcome_kind(outcome))
        for name, count in analysis.outcomes.items()
        for outcome in [Outcome(name)]
    ]


def _curves(sections: Sequence[CampaignSection]) -> Mapping[str, Any]:
    """Returns both figures; None where no campaign has data for one."""
    drawn = [(index % figures.ARMS, each.name, each.analysis) for index, each in enumerate(sections)]
    healed = [(arm, name, of.recovery.curve) for arm, name, of in drawn if of.recovery is not None]
    found = [(arm, name, of.detection) for arm, name, of in drawn if of.detection is not None]
    ends = [of.recovery.restricted_mean.deadline for _, _, of in drawn if of.recovery is not None]
    return {
        "recovery": figures.recovery(healed, min(ends)) if healed else None,
        "detection": figures.detection(found, min(ends)) if found else None,
    }


def _measures(numbers: Sequence[dict[str, Estimate]]) -> list[tuple[str, str]]:
    """Returns measure and words of every line that any section has."""
    return list({measure: line.words for lines in numbers for measure, line in lines.items()}.items())


TELLING = ("version", "image", "imageID", "imageId", "digest")
"""Keys of a captured state that hold versions and images."""


def manifest(campaign: CampaignRow) -> str:
    """Returns the EvalCampaign as YAML that can be applied again."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": campaign.name, "namespace": campaign.namespace},
        "spec": dict(campaign.spec),
    }
    return str(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100))


def versions(state: Mapping[str, Json] | None) -> list[str]:
    """Returns the versions and images in a state, each once."""
    return list(dict.fromkeys(_telling(state or {})))


def _telling(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in TELLING and isinstance(inner, str) and inner:
                yield f"{key} {inner}"
            else:
                yield from _telling(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _telling(inner)
