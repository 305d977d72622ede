"""Results as JSON, for programs: the database's field names, times as ISO 8601 in UTC, and a few computed fields."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from controller.records.rows import AttemptSummary, CampaignRow, Event, Json, Tally
from controller.statistics import censored_median


def write(value: Json) -> None:
    """Print the value, and nothing else, to stdout."""
    json.dump(value, sys.stdout, indent=2, default=_time)
    sys.stdout.write("\n")


def campaign(row: CampaignRow, tally: Tally) -> dict[str, Json]:
    """The campaign's row with its counts; `median_time_to_recover` is null where censored or nothing is scored."""
    return {
        **asdict(row),
        "planned": row.planned,
        "done": tally.done,
        "scored": tally.scored,
        "recovered": tally.recovered,
        "median_time_to_recover": censored_median(tally.recovery_times),
        "outcomes": dict(tally.outcomes),
    }


def attempt(row: AttemptSummary) -> dict[str, Json]:
    """The attempt's row, with its times in seconds after the injection."""
    return {
        **asdict(row),
        "target": row.target,
        "time_to_detect": row.time_to_detect,
        "time_to_resolve": row.time_to_resolve,
        "time_to_recover": row.time_to_recover,
    }


def story(of: CampaignRow, row: AttemptSummary, events: Sequence[Event]) -> dict[str, Json]:
    """The attempt's row whole, its campaign's names, and its events."""
    names = {"campaign_namespace": of.namespace, "campaign_name": of.name}
    return {**names, **attempt(row), "events": [asdict(event) for event in events]}


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    raise TypeError(f"{value!r} is no JSON")
