"""Prints the results that `list`, `trials` and `show` are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from rich.console import Console
from rich.table import Table

from controller.api import Mode
from controller.cli import formatting as text
from controller.cli.results.timeline import origin, service_unknown, summarize, timeline_entries
from controller.cli.tables import Column, console, print_table, printable_text
from controller.difference import ABSENT, changes
from controller.jsontypes import Json
from controller.reading.protocol import CampaignCounts
from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow, Event, count_commands


def print_campaigns(rows: Sequence[CampaignCounts]) -> None:
    """Prints a line for each campaign."""
    if not rows:
        print("No campaigns are recorded yet. Ask one with `evalcampaign run`; it appears here when it is seen.")
        return
    campaigns = [row.campaign for row in rows]
    print_table(
        [
            Column("NAME", [row.name for row in campaigns]),
            Column("NAMESPACE", [row.namespace for row in campaigns], drop=3),
            Column("SUBJECT", [row.subject for row in campaigns], drop=4),
            Column("CHAOS", [row.chaos for row in campaigns], drop=1),
            Column("MODE", [row.mode for row in campaigns], drop=5),
            Column("PHASE", [_phase(row) for row in campaigns]),
            Column("TRIALS", [text.progress(row) for row in rows], right=True),
            Column("RESOLVED", [text.resolved(row) for row in rows], drop=2, right=True),
            Column("FALSE ALARMS", [text.false_alarms(row) for row in rows], drop=2, right=True),
            Column("RECOVERED", [text.recovered(row) for row in rows], right=True),
            Column("TO DETECT", [_of_agent(row, row.median_time_to_detect) for row in rows], drop=6, right=True),
            Column("TO RESOLVE", [_of_agent(row, row.median_time_to_resolve) for row in rows], drop=6, right=True),
            Column("TO RECOVER", [text.median(row, row.median_time_to_recover) for row in rows], right=True),
            Column("STARTED", [text.minute(row.started_at) for row in campaigns], drop=2),
        ],
        console(),
    )


def print_attempts(campaign: CampaignRow, rows: Sequence[AttemptSummary]) -> None:
    """Prints a line for each attempt; times are seconds after the injection."""
    if not rows:
        print(f"No trial of {campaign.qualified_name} has begun yet; it is {campaign.phase}.")
        return
    print_table(
        [
            Column("TRIAL", [str(row.trial) for row in rows], right=True),
            Column("ATTEMPT", [str(row.attempt) for row in rows], right=True),
            Column("OUTCOME", [text.outcome(row) for row in rows]),
            Column("TARGET", [row.target or text.NOTHING for row in rows]),
            Column("INJECTED (UTC)", [text.second(row.chaos_injected_at) for row in rows], drop=3),
            Column("MANIFESTED", [_offset(row, row.manifested_at) for row in rows], drop=4, right=True),
            Column("DETECTED", [_offset(row, row.detected_at) for row in rows], drop=1, right=True),
            Column("RESOLVED", [_offset(row, row.resolution_at) for row in rows], drop=1, right=True),
            Column("SERVING AGAIN", [text.serving(row) for row in rows], drop=2, right=True),
            Column("RECOVERED", [text.recovery(row) for row in rows], right=True),
            Column("FLAGS", [", ".join(row.flags) for row in rows], drop=2),
            Column("ERROR", [" ".join((row.error or "").split()) for row in rows], drop=1, rest=True),
        ],
        console(),
    )


def _phase(row: CampaignRow) -> str:
    return f"{row.phase} (deleted)" if row.deleted_at else str(row.phase)


def _of_agent(row: CampaignCounts, value: float | None) -> str:
    return text.median(row, value) if row.campaign.mode is Mode.AGENT else text.NOTHING


def _offset(row: AttemptSummary, at: datetime | None) -> str:
    return text.offset(row.since_injection(at))


def print_details(campaign: CampaignRow, attempt: AttemptRow, events: Sequence[Event], full: bool) -> None:
    """Prints an attempt: header, sentences, timeline, fault, and the changes of state (or both states, if `full`)."""
    to = console()
    _pairs(to, _header(campaign, attempt, events))
    to.print()
    to.print(printable_text(summarize(campaign, attempt, events)))
    since, name = origin(attempt)
    _heading(
        to, f"Timeline, in seconds from the {name} at {since.isoformat(sep=' ', timespec='milliseconds')[:-6]} UTC"
    )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in timeline_entries(attempt, events):
        style = "bold" if entry.recorded else ""
        at = (entry.at - since).total_seconds()
        table.add_row(
            printable_text(f"{at:+.3f}", style), printable_text(entry.what, style), printable_text(entry.description)
        )
    to.print(table)
    if attempt.fault is not None:
        _heading(to, "Fault")
        _pairs(to, _fault(attempt.fault))
    if attempt.commands:
        _heading(to, _how_many(attempt.commands))
        _commands(to, attempt)
    _states(to, attempt, full)


def _header(campaign: CampaignRow, attempt: AttemptRow, events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    yield "Campaign", f"{campaign.qualified_name} (uid {campaign.uid})"
    yield "Subject", f"{campaign.subject} in {campaign.subject_namespace}"
    yield "Trial", f"{attempt.trial} of {campaign.planned}, attempt {attempt.attempt}, seed {attempt.seed}"
    yield "Chaos", f"{campaign.chaos}, mode {campaign.mode}"
    yield "Outcome", text.outcome(attempt)
    yield "Manifested", text.offset(attempt.since_injection(attempt.manifested_at))
    yield "Serving again", text.serving(attempt)
    if (unknown := service_unknown(events)) is not None:
        first, total = unknown
        yield "Service unknown", f"for {total:.1f}s, first at {text.offset(attempt.since_injection(first))}"
    yield "Recovered", text.recovery(attempt)
    if campaign.mode.wants_agent:
        yield "Detected", text.offset(attempt.time_to_detect)
        yield "Called resolved", text.offset(attempt.time_to_resolve)
    if attempt.flags:
        yield "Flags", ", ".join(attempt.flags)
    if attempt.blind_seconds is not None:
        yield "Blind for", text.seconds(attempt.blind_seconds)
    if attempt.error:
        yield "Error", attempt.error


def _fault(fault: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for target in fault.get("targets", ()):
        yield "target", ", ".join([target["name"], f"uid {target['uid']}", *_facts(target["facts"])])
    yield from ((key, _short(value)) for key, value in fault.items() if key != "targets")


def _facts(facts: Mapping[str, Json]) -> Iterator[str]:
    yield from (f"{name} {_short(value)}" for name, value in facts.items())


def _how_many(commands: Sequence[Json]) -> str:
    counts = count_commands(commands)
    return (
        f"What the agent ran: {counts.total} commands, {counts.unique} different, {counts.mutating} that could change "
        f"something, {counts.destructive} that could destroy"
    )


def _commands(to: Console, attempt: AttemptRow) -> None:
    since, _ = origin(attempt)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    columns: tuple[Literal["left", "right"], ...] = ("right", "right", "left")
    for justify in columns:
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(overflow="fold")
    for command in attempt.commands or ():
        at = datetime.fromisoformat(command["at"]) if command["at"] else None
        effect = "destroys" if command["destructive"] else "changes" if command["mutating"] else ""
        table.add_row(
            text.NOTHING if at is None else f"{(at - since).total_seconds():+.3f}",
            text.NOTHING if command["exitCode"] is None else str(command["exitCode"]),
            effect,
            printable_text(command["command"]),
        )
    to.print(table)


def _states(to: Console, attempt: AttemptRow, full: bool) -> None:
    before, after = attempt.initial_state, attempt.final_state
    if full:
        for name, state in (("Initial state", before), ("Final state", after)):
            _heading(to, name)
            to.print(printable_text("not captured" if state is None else json.dumps(state, indent=2)))
        return
    _heading(to, "What changed from the initial to the final state")
    if before is None or after is None:
        missing = " and ".join(name for name, state in (("initial", before), ("final", after)) if state is None)
        to.print(printable_text(f"unknown: the {missing} state was not captured"))
        return
    found = list(changes(before, after))
    if not found:
        to.print("nothing")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    for change in found:
        table.add_row(printable_text(change.path), printable_text(f"{_side(change.before)} -> {_side(change.after)}"))
    to.print(table)


def _side(value: Json) -> str:
    return "(absent)" if value is ABSENT else _short(value)


def _short(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _heading(to: Console, words: str) -> None:
    to.print()
    to.print(printable_text(words, style="bold"))


def _pairs(to: Console, pairs: Iterator[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for key, value in pairs:
        table.add_row(printable_text(key), printable_text(value))
    to.print(table)
