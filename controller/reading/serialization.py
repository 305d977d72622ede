"""Writes rows as JSON, and reads them from it (docs/json.md).

JSON has the database's field names, times as ISO 8601 in UTC, and a few computed fields. It may come from a controller
of another version: fields that this version does not know are left out, and a fault in the old shape is converted.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from controller.jsontypes import Json
from controller.reading.protocol import AttemptTimeline, CampaignCounts
from controller.records.errors import RecordsError
from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow, Event, with_listed_targets
from controller.text import utc_microseconds
from controller.validation import describe_invalid

T = TypeVar("T")


def dumps(value: Json, indent: int | None = None) -> str:
    """Returns the value as text. Without `indent` it is one line."""
    return json.dumps(value, indent=indent, default=time_to_json)


def campaign_to_json(counted: CampaignCounts) -> dict[str, Json]:
    """Returns the campaign's row with its counts; a median is null where it is censored or nothing is scored."""
    counts = asdict(counted)
    row = counts.pop("campaign")
    return {**row, "planned": counted.campaign.planned, **counts}


def attempt_to_json(row: AttemptSummary) -> dict[str, Json]:
    """Returns the attempt's row, with its times in seconds after the injection."""
    return {
        **asdict(row),
        "target": row.target,
        "time_to_detect": row.time_to_detect,
        "time_to_resolve": row.time_to_resolve,
        "time_to_recover": row.time_to_recover,
    }


def timeline_to_json(campaign: CampaignRow, timeline: AttemptTimeline) -> dict[str, Json]:
    """Returns the attempt's row with all its columns, its campaign's names, and its events."""
    names = {"campaign_namespace": campaign.namespace, "campaign_name": campaign.name}
    return {**names, **attempt_to_json(timeline.attempt), "events": [asdict(event) for event in timeline.events]}


def time_to_json(value: object) -> str:
    """Returns a time, to the microsecond, with Z at its end. Raises TypeError for another value."""
    if isinstance(value, datetime):
        return utc_microseconds(value)
    raise TypeError(f"{value!r} is no JSON")


def campaign_from_json(value: Json) -> CampaignCounts:
    """Returns a campaign with its counts. Raises RecordsError, as the others do, where it cannot be read."""
    return _read(CampaignCounts, {**value, "campaign": _read(CampaignRow, value)})


def summary_from_json(value: Json) -> AttemptSummary:
    """Returns an attempt without its large columns."""
    return _read(AttemptSummary, _with_current_fault(value))


def timeline_from_json(value: Json) -> AttemptTimeline:
    """Returns an attempt with all its columns, and its events."""
    row = _read(AttemptRow, _with_current_fault(value))
    return AttemptTimeline(row, tuple(_read(Event, each) for each in value["events"]))


def _with_current_fault(attempt: Json) -> Json:
    """Returns the attempt as this version writes it: an older controller's fault has its targets in several fields."""
    fault = attempt.get("fault")
    return attempt if fault is None else {**attempt, "fault": with_listed_targets(fault)}


def _read(kind: type[T], value: Json) -> T:
    try:
        read: T = _adapter(kind).validate_python(value)  # type: ignore[arg-type]  # typeshed: a type[T] is hashable
    except (ValidationError, LookupError, TypeError) as error:
        raise RecordsError(
            f"The controller sent a record that this version of evalcampaign cannot read ({_describe(error)}): "
            "use the controller's own version"
        ) from None
    return read


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _describe(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return describe_invalid(error, "the record")
    return f"{type(error).__name__} {error}"
