"""`export`: every attempt of a campaign, one at a time, as JSON, CSV or JUnit XML (docs/cli.md)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import TextIO

from controller.analysis.junit import to_junit
from controller.cli.tables import csv_cell
from controller.jsontypes import Json
from controller.reading import serialization
from controller.reading.protocol import AttemptTimeline
from controller.records.rows import CampaignRow, CommandCounts, count_commands

Row = Callable[[CampaignRow, AttemptTimeline], Json]


def _of_campaign(name: str) -> Row:
    return lambda campaign, timeline: getattr(campaign, name)


def _of_attempt(name: str) -> Row:
    return lambda campaign, timeline: getattr(timeline.attempt, name)


def _commands(name: str) -> Row:
    return lambda campaign, timeline: _command_counts(timeline.attempt.commands)[name]


COLUMNS: Mapping[str, Row] = {
    "campaign_uid": _of_campaign("uid"),
    "campaign_namespace": _of_campaign("namespace"),
    "campaign_name": _of_campaign("name"),
    **{
        name: _of_campaign(name)
        for name in ("subject", "subject_namespace", "chaos", "mode", "variant", "comparison_hash")
    },
    **{name: _of_attempt(name) for name in ("id", "trial", "attempt", "seed", "step", "outcome")},
    "scored": lambda campaign, timeline: timeline.attempt.outcome is not None and timeline.attempt.outcome.scored,
    **{
        name: _of_attempt(name)
        for name in (
            "target",
            "started_at",
            "window_started_at",
            "chaos_injected_at",
            "manifested_at",
            "ticket_created_at",
            "ticket_seen_at",
            "resolved_at",
            "resolution_seen_at",
            "serving_lost_at",
            "serving_again_at",
            "recovered_at",
            "deadline_at",
            "ended_at",
            "time_to_detect",
            "time_to_resolve",
            "time_to_recover",
            "window",
            "blind_seconds",
        )
    },
    **{f"commands_{name}": _commands(name) for name in ("total", "unique", "repeated", "mutating", "destructive")},
    "flags": lambda campaign, timeline: " ".join(timeline.attempt.flags),
    "error": _of_attempt("error"),
    "false_alarms": _of_attempt("false_alarms"),
}
"""By name: what stands in a column of a CSV file. Columns are only ever added, at the end."""


def _command_counts(commands: list[Json] | None) -> Mapping[str, int | None]:
    """How many there are; None where no agent was looked at."""
    return (
        dict.fromkeys(field.name for field in fields(CommandCounts))
        if commands is None
        else asdict(count_commands(commands))
    )


def write_junit(campaign: CampaignRow, attempts: Iterable[AttemptTimeline], to: TextIO) -> None:
    """JUnit XML: a trial is a test."""
    to.write(to_junit(campaign, [timeline.attempt for timeline in attempts]))


def write_csv(campaign: CampaignRow, attempts: Iterable[AttemptTimeline], to: TextIO) -> None:
    """A heading, and a line an attempt (RFC 4180, but for the ends of lines, which are plain)."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(COLUMNS)
    for timeline in attempts:
        writer.writerow(_cell(column(campaign, timeline)) for column in COLUMNS.values())


def write_json(campaign: CampaignRow, attempts: Iterable[AttemptTimeline], to: TextIO) -> None:
    """One list of attempts, whole, a line each, so that it can be read as it comes."""
    before = "[\n"
    for timeline in attempts:
        to.write(before + serialization.dumps(serialization.timeline_to_json(campaign, timeline)))
        before = ",\n"
    to.write("\n]\n" if before == ",\n" else "[]\n")


def _cell(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return serialization.time_to_json(value) if isinstance(value, datetime) else csv_cell(value)
