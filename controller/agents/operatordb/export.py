"""Rows of an operator.db as requests of the HTTP API, and the next entries of its log, page by page.

Names contain what distinguishes one file from the next, because ids start again in a new file. What the API would
refuse is corrected here: a text that is cut is better than none.

Where ids count upwards, a page starts after the last id, and the id is the entry's number. Otherwise the entries that
were sent are remembered, and the number is the entry's time in microseconds: it keeps their order, and is the same
after a restart, and after VACUUM, which numbers such rows anew.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

from controller.agents.commands import extract_command, sanitize
from controller.agents.operatordb import known_rows, tables
from controller.agents.operatordb.extract import exit_code_of, opened_at, resolved_by_agent, resolving_sessions
from controller.agents.operatordb.tables import ENTRIES, TICKETS, Row, name_of, read_time
from controller.agents.protocol import NOTHING_KNOWN, KnownRows
from controller.text import truncate_bytes

Body = Mapping[str, Any]

COMMAND_BYTES = 16_384
"""The most bytes of a command that are sent. It is classified where it arrives."""

_STATUSES = {"diagnosed": "escalated", **{each: each for each in ("open", "acknowledged", "resolved")}}
_TYPES = ("reasoning", "tool_call", "tool_result")


class RequestBodies:
    """The requests that send one snapshot."""

    def __init__(self, file: sqlite3.Connection, zone: tzinfo) -> None:
        self._file = file
        self._zone = zone
        self._resolving = resolving_sessions(file)
        self._sessions = {name_of(row["session_id"]): _session_name(row) for row in self._read_sessions()}

    def all(self) -> Iterator[tuple[str, Body]]:
        """Yields paths and bodies of the tickets, then of the sessions."""
        names = {}
        for row in tables.read_all(self._file, tables.TICKETS, tables.TICKET):
            id_ = name_of(row["id"])
            names[id_] = _ticket_name(row)
            yield f"/v1/tickets/{names[id_]}", self._ticket(row)
        for row in self._read_sessions():
            if (ticket := names.get(name_of(row["ticket_id"]))) is not None:
                yield f"/v1/sessions/{_session_name(row)}", self._session(row, ticket)

    def entry(self, row: Row, sequence: int) -> Body:
        """Returns one entry of the log. `sequence` is its index in its session."""
        session = name_of(row["session_id"])
        command = extract_command(row["tool_params"])
        return {
            "session": self._sessions.get(session) or _name(session, session),
            "sequence": sequence,
            "type": row["entry_type"] if row["entry_type"] in _TYPES else "reasoning",
            "content": sanitize(str(row["content"] or "")),
            "tool": truncate_bytes(str(row["tool_name"] or ""), 128),
            "params": sanitize(command, COMMAND_BYTES) if command else None,
            "exitCode": exit_code_of(row["exit_code"]),
            "at": self._time(row["timestamp"]),
        }

    def _read_sessions(self) -> Iterator[Row]:
        return tables.read_all(self._file, tables.SESSIONS, tables.SESSION)

    def _ticket(self, row: Row) -> Body:
        """Returns the body of a ticket. Who resolved it is decided here, by the file's sessions."""
        opened = opened_at(row, self._zone)
        agent = resolved_by_agent(row, name_of(row["id"]) in self._resolving)
        return {
            "openedAt": opened.isoformat() if opened else None,
            "message": sanitize(str(row["message"] or row["violation_key"] or "")),
            "subject": truncate_bytes(row["subject"], 512)
            if isinstance(row["subject"], str) and row["subject"]
            else None,
            "severity": truncate_bytes(str(row["severity"] or ""), 64) or None,
            "status": _STATUSES.get(str(row["status"]), "open"),
            "resolvedAt": self._time(row["resolved_at"]),
            "resolvedBy": "agent" if agent else "monitor",
            "diagnosis": sanitize(str(row["diagnosis"])) if row["diagnosis"] is not None else None,
        }

    def _session(self, row: Row, ticket: str) -> Body:
        return {
            "ticket": ticket,
            "startedAt": self._time(row["started_at"]),
            "endedAt": self._time(row["ended_at"]),
            "status": truncate_bytes(str(row["status"] or ""), 32) or None,
        }

    def _time(self, value: object) -> str | None:
        at = read_time(value, self._zone)
        return at.isoformat() if at else None


def _ticket_name(row: Row) -> str:
    seen = row["first_seen_at"]  # a store that rewrites rows whole may set `created_at` anew each time
    return _name(row["id"], row["violation_key"], row["created_at"] if seen is None else seen)


def _session_name(row: Row) -> str:
    return _name(row["session_id"], row["ticket_id"], row["started_at"])


def _name(id_: object, *rest: object) -> str:
    """Returns the agent's own id, with characters that a path allows, and a digest of what never changes in the row."""
    return f"{re.sub(r'[^A-Za-z0-9._:-]', '_', name_of(id_))[:96]}-{known_rows.digest((id_, *rest))[:8]}"


HIGHEST = 2**53 - 1
"""The highest number that the API accepts."""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """The part of a log that was sent: the highest id, or the digests of entries; and the rows of the file then."""

    above: int = 0
    sent: frozenset[str] = frozenset()
    tickets: KnownRows = NOTHING_KNOWN
    entries: KnownRows = NOTHING_KNOWN


NOTHING_SENT = LogPosition()


@dataclass(frozen=True, slots=True)
class UnsentEntry:
    """One entry that was not sent. `digest` identifies it where its id does not."""

    row: Row
    number: int
    digest: str = ""


def begin(connection: sqlite3.Connection, position: LogPosition) -> LogPosition:
    """Returns the position in this snapshot; the beginning, where it is another file.

    Raises AgentUnreadable where the log is too long to remember which entries were sent.
    """
    same = known_rows.is_same_file(connection, position.tickets, position.entries)
    tickets, entries = known_rows.remember_rows(connection, TICKETS), known_rows.remember_rows(connection, ENTRIES)
    return replace(position if same else NOTHING_SENT, tickets=tickets, entries=entries)


def next_entries(
    connection: sqlite3.Connection, position: LogPosition, zone: tzinfo, limit: int
) -> Iterator[UnsentEntry]:
    """Yields at most `limit` entries that were not sent, in order."""
    table = tables.find_table(connection, ENTRIES)
    if table is None:
        return
    if table.counts:
        for where in list(tables.row_keys(connection, table, "WHERE id > ?", (position.above,), limit)):
            yield UnsentEntry(tables.read_row(connection, table, where, tables.ENTRY), int(str(where[0])))
        return
    numbered = _numbered(connection, zone)
    for found, number in islice(((each, at) for each, at in numbered if each.digest not in position.sent), limit):
        yield UnsentEntry(tables.read_row(connection, table, found.row_key, tables.ENTRY), number, found.digest)


def after(position: LogPosition, sent: Sequence[UnsentEntry]) -> LogPosition:
    """Returns the position after these were sent too."""
    if not sent:
        return position
    digests = frozenset(each.digest for each in sent if each.digest)
    return replace(position, sent=position.sent | digests, above=position.above if digests else sent[-1].number)


def _numbered(connection: sqlite3.Connection, zone: tzinfo) -> Iterator[tuple[known_rows.IdentifiedRow, int]]:
    """Yields every entry with its number, which is unique: its time, or its position in the log where it has none."""
    last = 0
    for index, found in enumerate(list(known_rows.new_rows(connection, ENTRIES, NOTHING_KNOWN, True)), 1):
        at = read_time(found.first_seen, zone)
        last = max(index if at is None or not _EARLIEST <= at < _LATEST else int(at.timestamp() * 1e6), last + 1)
        yield found, min(last, HIGHEST)
