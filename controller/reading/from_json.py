"""Rows from the JSON that `as_json` wrote, perhaps in another version: fields that are new are left out."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from controller.jsontypes import Json
from controller.reading.protocol import AttemptTimeline, CampaignCounts
from controller.records.errors import RecordsError
from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow, Event, with_listed_targets
from controller.validation import describe_invalid

T = TypeVar("T")

ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (CampaignRow, CampaignCounts, AttemptSummary, AttemptRow, Event)
}


def campaign(value: Json) -> CampaignCounts:
    """A campaign with its counts. RecordsError, as for the others, where it is none that this version can read."""
    return _read(CampaignCounts, {**value, "campaign": _read(CampaignRow, value)})


def summary(value: Json) -> AttemptSummary:
    """An attempt without its states."""
    return _read(AttemptSummary, _current(value))


def timeline(value: Json) -> AttemptTimeline:
    """An attempt, whole, with its events."""
    return AttemptTimeline(_read(AttemptRow, _current(value)), tuple(_read(Event, each) for each in value["events"]))


def _current(attempt: Json) -> Json:
    """The attempt as this version writes it: an older controller's fault has its targets in several places."""
    fault = attempt.get("fault")
    return attempt if fault is None else {**attempt, "fault": with_listed_targets(fault)}


def _read(kind: type[T], value: Json) -> T:
    try:
        read: T = ADAPTERS[kind].validate_python(value)
    except (ValidationError, LookupError, TypeError) as error:
        raise RecordsError(
            f"The controller says of a record what this version of evalcampaign does not understand ({_first(error)}): "
            "use the controller's own version"
        ) from None
    return read


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return describe_invalid(error, "the record")
    return f"{type(error).__name__} {error}"
