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
from controller.agents.operatordb import known, tables
from controller.agents.operatordb.tables import ENTRIES, SESSIONS, TICKETS, Row, find_table, name_of, read_time
from controller.agents.protocol import CommandLog, Cursor, Ticket
from controller.text import truncate_bytes

MAX_TICKETS = 1000
"""Of one look, the oldest first."""

MAX_SESSIONS = 1000
"""That worked on the tickets of one attempt."""

MAX_CALLS = 20_000
"""With their results, and what was said in between, of one attempt."""

ID_BYTES = 256
"""Of an id, as a ticket shows it."""

_CODES = ("session_id", "entry_type", "tool_name", "exit_code")
_TYPES = (TOOL_CALL, TOOL_RESULT, REASONING)


def take_cursor(connection: sqlite3.Connection | None, at: datetime) -> Cursor:
    """What the file holds; nothing, where there is none."""
    if connection is None:
        return Cursor(at)
    tickets, entries = known.take(connection, TICKETS), known.take(connection, ENTRIES)
    file = known.digest((tickets.digests, entries.digests))
    return Cursor(at, tickets.count, entries.count, file, tickets, entries)


def find_tickets(connection: sqlite3.Connection | None, cursor: Cursor, zone: tzinfo) -> tuple[Ticket, ...]:
    """The tickets that are new. A file without tickets is one in which nothing was noticed."""
    if connection is None or (table := tables.find_table(connection, TICKETS)) is None:
        return ()
    same = known.is_same(connection, cursor.tickets, cursor.entries)
    found = list(islice(known.new(connection, TICKETS, cursor.tickets, same), MAX_TICKETS))
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
    """What was run and said since the cursor in the sessions of the tickets with these ids."""
    if not tickets:
        return CommandLog()
    if connection is None:
        return CommandLog(complete=False, why="the file with the agent's log is gone")
    if tables.find_table(connection, ENTRIES) is None:
        return CommandLog(complete=False, why="the file holds tickets, and no log of an agent")
    row_keys = list(_new_entries(connection, cursor, _sessions(connection, frozenset(tickets))))
    log = command_log(list(_tool_calls(connection, row_keys, zone)))
    return replace(log, reasoning=extract_reasoning(_log_entries(connection, row_keys, zone)))


def resolving_sessions(connection: sqlite3.Connection) -> frozenset[str]:
    """The names of the tickets whose resolution a session of the agent's calls its own."""
    rows = tables.read_all(connection, SESSIONS, ("ticket_id", "status"))
    return frozenset(name_of(row["ticket_id"]) for row in rows if row["status"] == "resolved")


def says_resolved(row: Row, by_session: bool) -> bool:
    """Whether the AGENT says that it is resolved.

    Its monitor closes a ticket when it no longer sees a violation, or could not look: that leaves no diagnosis and no
    session. An escalation is `diagnosed`, or a diagnosis that says so.
    """
    diagnosis = row["diagnosis"]
    diagnosed = diagnosis is not None and not str(diagnosis).startswith("ESCALATED")
    return row["status"] == "resolved" and (by_session or diagnosed)


def opened_at(row: Row, zone: tzinfo) -> datetime | None:
    """When the row was made: UTC, whatever the agent's zone, and to the second.

    `first_seen_at` is when the violation was first seen: with a grace period, long before it became a ticket. Where it
    falls into the second in which the row was made, it is the same event, told more exactly.
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
        resolved=says_resolved(row, by_session),
    )


def _sessions(connection: sqlite3.Connection, tickets: Collection[str]) -> list[object]:
    """Those that worked on these tickets, the first MAX_SESSIONS."""
    rows = tables.read_all(connection, SESSIONS, ("session_id", "ticket_id"))
    theirs = (row["session_id"] for row in rows if _id(row["ticket_id"]) in tickets and row["session_id"] is not None)
    return list(islice(dict.fromkeys(theirs), MAX_SESSIONS))


def _new_entries(
    connection: sqlite3.Connection, cursor: Cursor, sessions: Sequence[object]
) -> Iterator[tuple[tables.Table, tables.RowKey]]:
    """Calls, results and reasoning of these sessions, ascending, the first MAX_CALLS."""
    table = tables.find_table(connection, ENTRIES)
    if table is None or not sessions or not {"session_id", "entry_type"} <= table.columns:
        return
    where = f"WHERE session_id IN ({', '.join('?' * len(sessions))}) AND entry_type IN {_TYPES}"
    theirs = frozenset(tables.row_keys(connection, table, where, sessions))
    same = known.is_same(connection, cursor.tickets, cursor.entries)
    new = (found.row_key for found in known.new(connection, ENTRIES, cursor.entries, same) if found.row_key in theirs)
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
        str(row["entry_type"]), str(row["session_id"]), str(row["tool_name"] or ""), whole(row["exit_code"])
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


def whole(value: object) -> int | None:
    """An exit code, in a file in which anything may stand anywhere."""
    return value if isinstance(value, int) and -(2**31) <= value < 2**31 else None


MAX_NAMES = 50


def count_rows(connection: sqlite3.Connection | None) -> dict[str, int | None]:
    """The rows of each of our tables that is there, and None for every other table, the first MAX_NAMES."""
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
