"""From rows of an operator.db to tickets and commands. Everything here works on one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from controller.agents.commands import TOOL_CALL, Deed, Entry, command_of, exit_codes, kept, log_of
from controller.agents.operatordb import tables
from controller.agents.operatordb.times import read_time
from controller.agents.protocol import CommandLog, Mark, Ticket
from controller.agents.text import cut
from controller.agents.thoughts import REASONING, Said, thoughts_of


def take_mark(connection: sqlite3.Connection | None, at: datetime) -> Mark:
    """How far the file has come; nothing, where there is none."""
    if connection is None:
        return Mark(at)
    ticket, entry = (tables.highest(connection, table) for table in (tables.TICKETS, tables.ENTRIES))
    return Mark(at, ticket, entry, tables.identity(connection, ticket, entry))


def find_tickets(connection: sqlite3.Connection | None, mark: Mark, zone: tzinfo) -> tuple[Ticket, ...]:
    """The tickets above the mark. A file without tickets is one in which nothing was noticed."""
    if connection is None:
        return ()
    rows = tables.read_tickets(connection, mark.ticket if tables.is_of(connection, mark) else 0)
    resolved = resolving_sessions(connection, [row["id"] for row in rows])
    return tuple(_ticket(row, row["id"] in resolved, zone) for row in rows)


def find_commands(
    connection: sqlite3.Connection | None, mark: Mark, tickets: Sequence[Ticket], zone: tzinfo
) -> CommandLog:
    """What was run and said above the mark in the sessions of these tickets."""
    if not tickets:
        return CommandLog()
    if connection is None:
        return CommandLog(complete=False, why="the file with the agent's log is gone")
    if not tables.has_log(connection):
        return CommandLog(complete=False, why="the file holds tickets, and no log of an agent")
    sessions = [row["session_id"] for row in tables.read_sessions(connection, [each.number for each in tickets])]
    above = mark.entry if tables.is_of(connection, mark) else 0
    rows = tables.read_calls(connection, sessions, above)
    return replace(log_of(_deeds(rows, zone)), thoughts=thoughts_of(_said(row, zone) for row in rows))


def resolving_sessions(connection: sqlite3.Connection, tickets: Sequence[int]) -> set[int]:
    """Those of the tickets whose resolution a session of the agent's calls its own."""
    return {row["ticket_id"] for row in tables.read_sessions(connection, tickets) if row["status"] == "resolved"}


def says_resolved(row: sqlite3.Row, by_session: bool) -> bool:
    """Whether the AGENT says that it is resolved.

    Its monitor closes a ticket when it no longer sees a violation, or could not look: that leaves no diagnosis and no
    session. An escalation is `diagnosed`, or a diagnosis that says so.
    """
    diagnosis = row["diagnosis"]
    diagnosed = diagnosis is not None and not str(diagnosis).startswith("ESCALATED")
    return row["status"] == "resolved" and (by_session or diagnosed)


def opened_at(row: sqlite3.Row, zone: tzinfo) -> datetime | None:
    """When the row was made: UTC, whatever the agent's zone, and to the second.

    `first_seen_at` is when the violation was first seen: with a grace period, long before it became a ticket. Where it
    falls into the second in which the row was made, it is the same event, told more exactly.
    """
    made = read_time(row["created_at"], UTC)
    seen = read_time(row["first_seen_at"], zone)
    if made is None or (seen is not None and timedelta() <= seen - made < timedelta(seconds=1)):
        return seen
    return made


def _ticket(row: sqlite3.Row, by_session: bool, zone: tzinfo) -> Ticket:
    said = row["message"] if row["message"] is not None else row["violation_key"]
    return Ticket(
        number=row["id"],
        id=str(row["id"]),
        subject=row["subject"] if isinstance(row["subject"], str) and row["subject"] else None,
        message=kept(str(said or "")),
        opened_at=opened_at(row, zone),
        resolved_at=read_time(row["resolved_at"], zone),
        resolved=says_resolved(row, by_session),
    )


def _deeds(rows: Sequence[sqlite3.Row], zone: tzinfo) -> list[Deed]:
    codes = exit_codes([_entry(row) for row in rows])
    return [
        Deed(
            at=read_time(row["timestamp"], zone),
            session=str(row["session_id"]),
            tool=str(row["tool_name"] or ""),
            command=command_of(row["tool_params"]) or str(row["content"] or ""),
            exit_code=code,
        )
        for row, code in zip(rows, codes, strict=True)
        if row["entry_type"] == TOOL_CALL
    ]


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(row["session_id"], row["entry_type"], str(row["tool_name"] or ""), whole(row["exit_code"]))


def _said(row: sqlite3.Row, zone: tzinfo) -> Said:
    text = kept(str(row["content"] or "")) if row["entry_type"] == REASONING else ""
    return Said(row["entry_type"], read_time(row["timestamp"], zone), cut(str(row["session_id"]), 200), text)


def whole(value: object) -> int | None:
    """An exit code, in a file in which anything may stand anywhere."""
    return value if isinstance(value, int) and -(2**31) <= value < 2**31 else None
