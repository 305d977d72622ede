"""Rows as JSON: the database's field names, times as ISO 8601 in UTC, and a few computed fields (docs/json.md)."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from controller.jsontypes import Json
from controller.reading.protocol import AttemptTimeline, CampaignCounts
from controller.records.rows import AttemptSummary, CampaignRow
from controller.text import utc_microseconds


def dumps(value: Json, indent: int | None = None) -> str:
    """The value as text. Without `indent` it is one line."""
    return json.dumps(value, indent=indent, default=time)


def campaign(counted: CampaignCounts) -> dict[str, Json]:
    """The campaign's row with its counts; a median is null where it is censored or nothing is scored."""
    counts = asdict(counted)
    row = counts.pop("campaign")
    return {**row, "planned": counted.campaign.planned, **counts}


def attempt(row: AttemptSummary) -> dict[str, Json]:
    """The attempt's row, with its times in seconds after the injection."""
    return {
        **asdict(row),
        "target": row.target,
        "time_to_detect": row.time_to_detect,
        "time_to_resolve": row.time_to_resolve,
        "time_to_recover": row.time_to_recover,
    }


def timeline(of: CampaignRow, timeline: AttemptTimeline) -> dict[str, Json]:
    """The attempt's row whole, its campaign's names, and its events."""
    names = {"campaign_namespace": of.namespace, "campaign_name": of.name}
    return {**names, **attempt(timeline.attempt), "events": [asdict(event) for event in timeline.events]}


def time(value: object) -> str:
    """A time, to the microsecond, with Z at its end. TypeError for what is none."""
    if isinstance(value, datetime):
        return utc_microseconds(value)
    raise TypeError(f"{value!r} is no JSON")
