"""Extracts tickets, commands and counts from one snapshot of an operator.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from controller.agents.commands import (
    REASONING,
    TOOL_CALL,
    TOOL_RESULT,
    LogEntry,
    ToolCall,
    command_log,
    exit_codes,
    extract_command,
    extract_reasoning,
    sanitize,
)
from controller.agents.operatordb import known_rows, tables
from controller.agents.operatordb.tables import ENTRIES, SESSIONS, TICKETS, Row, find_table, name_of, read_time
from controller.agents.protocol import CommandLog, Cursor, Ticket
from controller.text import truncate_bytes

MAX_TICKETS = 1000
"""The most tickets that one poll returns, the oldest first."""

MAX_SESSIONS = 1000
"""The most sessions that are read of one attempt."""

MAX_CALLS = 20_000
"""The most log entries that are read of one attempt: calls, results and reasoning."""

ID_BYTES = 256
"""The most bytes of an id in a Ticket."""

_CODES = ("session_id", "entry_type", "tool_name", "exit_code")
_TYPES = (TOOL_CALL, TOOL_RESULT, REASONING)


def take_cursor(connection: sqlite3.Connection | None, at: datetime) -> Cursor:
    """Returns a cursor behind all rows of the file; an empty one where there is no file."""
    if connection is None:
        return Cursor(at)
    tickets, entries = known_rows.remember_rows(connection, TICKETS), known_rows.remember_rows(connection, ENTRIES)
    file = known_rows.digest((tickets.digests, entries.digests))
    return Cursor(at, tickets.count, entries.count, file, tickets, entries)


def find_tickets(connection: sqlite3.Connection | None, cursor: Cursor, zone: tzinfo) -> tuple[Ticket, ...]:
    """Returns the tickets that are new since the cursor; none where the file or its table is missing."""
    if connection is None or (table := tables.find_table(connection, TICKETS)) is None:
        return ()
    same = known_rows.is_same_file(connection, cursor.tickets, cursor.entries)
    found = list(islice(known_rows.new_rows(connection, TICKETS, cursor.tickets, same), MAX_TICKETS))
    if not found:
        return ()
    resolved = resolving_sessions(connection)
    tickets = []
    for position, each in enumerate(found, 1):
        row = tables.read_row(connection, table, each.row_key, tables.TICKET)
        # A number says no more than which came first.
        number = each.id if table.counts and isinstance(each.id, int) else position
        tickets.append(_ticket(row, number, zone, name_of(row["id"]) in resolved))
    return tuple(tickets)


def find_commands(
    connection: sqlite3.Connection | None, cursor: Cursor, tickets: Sequence[str], zone: tzinfo
) -> CommandLog:
    """Returns the commands and reasoning since the cursor in the sessions of the tickets with these ids."""
    if not tickets:
        return CommandLog()
    if connection is None:
        return CommandLog(complete=False, reason="the file with the agent's log is gone")
    if tables.find_table(connection, ENTRIES) is None:
        return CommandLog(complete=False, reason="the file holds tickets, and no log of an agent")
    row_keys = list(_new_entries(connection, cursor, _sessions(connection, frozenset(tickets))))
    log = command_log(list(_tool_calls(connection, row_keys, zone)))
    return replace(log, reasoning=extract_reasoning(_log_entries(connection, row_keys, zone)))


def resolving_sessions(connection: sqlite3.Connection) -> frozenset[str]:
    """Returns the names of the tickets that have a session with status `resolved`."""
    rows = tables.read_all(connection, SESSIONS, ("ticket_id", "status"))
    return frozenset(name_of(row["ticket_id"]) for row in rows if row["status"] == "resolved")


def resolved_by_agent(row: Row, by_session: bool) -> bool:
    """Returns whether the agent itself resolved the ticket.

    The agent's monitor closes a ticket when it no longer sees a violation, or cannot check: such a ticket has no
    diagnosis and no session. An escalation has the status `diagnosed`, or a diagnosis that begins with ESCALATED.
    """
    diagnosis = row["diagnosis"]
    diagnosed = diagnosis is not None and not str(diagnosis).startswith("ESCALATED")
    return row["status"] == "resolved" and (by_session or diagnosed)


def opened_at(row: Row, zone: tzinfo) -> datetime | None:
    """Returns when the row was created: `created_at`, which is always UTC, with a resolution of one second.

    `first_seen_at` is when the violation was first seen; with a grace period, that is long before the ticket. Where it
    lies within the second of `created_at`, it is the same event with a higher resolution, and is returned.
    """
    made = read_time(row["created_at"], UTC)
    seen = read_time(row["first_seen_at"], zone)
    if made is None or (seen is not None and timedelta() <= seen - made < timedelta(seconds=1)):
        return seen
    return made


def _ticket(row: Row, number: int, zone: tzinfo, by_session: bool) -> Ticket:
    text = row["message"] if row["message"] is not None else row["violation_key"]
    return Ticket(
        number=number,
        id=_id(row["id"]),
        subject=row["subject"] if isinstance(row["subject"], str) and row["subject"] else None,
        message=sanitize(str(text or "")),
        opened_at=opened_at(row, zone),
        resolved_at=read_time(row["resolved_at"], zone),
        resolved=resolved_by_agent(row, by_session),
    )


def _sessions(connection: sqlite3.Connection, tickets: Collection[str]) -> list[object]:
    """Returns the ids of the first MAX_SESSIONS sessions that worked on these tickets."""
    rows = tables.read_all(connection, SESSIONS, ("session_id", "ticket_id"))
    ids = (row["session_id"] for row in rows if _id(row["ticket_id"]) in tickets and row["session_id"] is not None)
    return list(islice(dict.fromkeys(ids), MAX_SESSIONS))


def _new_entries(
    connection: sqlite3.Connection, cursor: Cursor, sessions: Sequence[object]
) -> Iterator[tuple[tables.Table, tables.RowKey]]:
    """Yields the first MAX_CALLS calls, results and pieces of reasoning of these sessions, ascending."""
    table = tables.find_table(connection, ENTRIES)
    if table is None or not sessions or not {"session_id", "entry_type"} <= table.columns:
        return
    where = f"WHERE session_id IN ({', '.join('?' * len(sessions))}) AND entry_type IN {_TYPES}"
    selected = frozenset(tables.row_keys(connection, table, where, sessions))
    same = known_rows.is_same_file(connection, cursor.tickets, cursor.entries)
    new = (
        found.row_key
        for found in known_rows.new_rows(connection, ENTRIES, cursor.entries, same)
        if found.row_key in selected
    )
    yield from ((table, row_key) for row_key in islice(new, MAX_CALLS))


def _tool_calls(
    connection: sqlite3.Connection, row_keys: Sequence[tuple[tables.Table, tables.RowKey]], zone: tzinfo
) -> Iterator[ToolCall]:
    """Reads the short columns of all entries first, then the calls one by one, to stay within the memory limit."""
    log = [_entry(tables.read_row(connection, table, row_key, _CODES)) for table, row_key in row_keys]
    for (table, row_key), entry, code in zip(row_keys, log, exit_codes(log), strict=True):
        if entry.type == TOOL_CALL:
            row = tables.read_row(connection, table, row_key, tables.ENTRY)
            command = extract_command(row["tool_params"]) or str(row["content"] or "")
            yield ToolCall(
                at=read_time(row["timestamp"], zone),
                session=entry.session,
                tool=entry.tool,
                command=command[: tables.TEXT_CHARACTERS],
                exit_code=code,
            )


def _entry(row: Row) -> LogEntry:
    return LogEntry(
        str(row["entry_type"]), str(row["session_id"]), str(row["tool_name"] or ""), exit_code_of(row["exit_code"])
    )


def _log_entries(
    connection: sqlite3.Connection, row_keys: Sequence[tuple[tables.Table, tables.RowKey]], zone: tzinfo
) -> Iterator[LogEntry]:
    for table, row_key in row_keys:
        row = tables.read_row(connection, table, row_key, ("session_id", "entry_type", "timestamp"))
        kind, text = str(row["entry_type"]), ""
        if kind == REASONING:
            text = sanitize(str(tables.read_row(connection, table, row_key, ("content",))["content"] or ""))
        session = truncate_bytes(str(row["session_id"]), 200)
        yield LogEntry(kind, session, at=read_time(row["timestamp"], zone), text=text)


def _id(value: object) -> str:
    return truncate_bytes(name_of(value), ID_BYTES)


def exit_code_of(value: object) -> int | None:
    """Returns the value if it is a valid exit code, or None: a column of SQLite may hold values of any type."""
    return value if isinstance(value, int) and -(2**31) <= value < 2**31 else None


MAX_NAMES = 50


def count_rows(connection: sqlite3.Connection | None) -> dict[str, int | None]:
    """Returns the number of rows of each of our tables, and None for each of the first MAX_NAMES other tables."""
    if connection is None:
        return {}
    ours = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in (ENTRIES, SESSIONS, TICKETS)
        if find_table(connection, name) is not None
    }
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT ?", (MAX_NAMES,)
    ).fetchall()
    return ours | {str(name)[:100]: None for (name,) in names if str(name).lower() not in ours}
