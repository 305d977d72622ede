"""Rows of an operator.db in the words of the HTTP API.

Names carry what tells one file from the next, for in a new file ids begin anew. What the API would refuse is put right
here: it is better to have a text cut than not at all.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

from controller.agents.commands import extract_command, sanitize
from controller.agents.operatordb import known, tables
from controller.agents.operatordb.reading import opened_at, resolving_sessions, says_resolved, whole
from controller.agents.operatordb.tables import Row, name_of
from controller.agents.operatordb.times import read_time
from controller.text import truncate_bytes

Body = Mapping[str, Any]

COMMAND_BYTES = 16_384
"""Of a command: it is judged where it arrives, and as much of it is."""

_STATUSES = {"diagnosed": "escalated", **{each: each for each in ("open", "acknowledged", "resolved")}}
_TYPES = ("reasoning", "tool_call", "tool_result")


class Bodies:
    """What there is to send of one snapshot."""

    def __init__(self, file: sqlite3.Connection, zone: tzinfo) -> None:
        self._file = file
        self._zone = zone
        self._resolving = resolving_sessions(file)
        self._sessions = {name_of(row["session_id"]): _session_name(row) for row in self._read_sessions()}

    def all(self) -> Iterator[tuple[str, Body]]:
        """Paths and bodies of the tickets, then of the sessions."""
        names = {}
        for row in tables.read_all(self._file, tables.TICKETS, tables.TICKET):
            id_ = name_of(row["id"])
            names[id_] = _ticket_name(row)
            yield f"/v1/tickets/{names[id_]}", self._ticket(row)
        for row in self._read_sessions():
            if (ticket := names.get(name_of(row["ticket_id"]))) is not None:
                yield f"/v1/sessions/{_session_name(row)}", self._session(row, ticket)

    def entry(self, row: Row, sequence: int) -> Body:
        """One entry of the log. `sequence`: its place in its session."""
        session = name_of(row["session_id"])
        command = extract_command(row["tool_params"])
        return {
            "session": self._sessions.get(session) or _name(session, session),
            "sequence": sequence,
            "type": row["entry_type"] if row["entry_type"] in _TYPES else "reasoning",
            "content": sanitize(str(row["content"] or "")),
            "tool": truncate_bytes(str(row["tool_name"] or ""), 128),
            "params": sanitize(command, COMMAND_BYTES) if command else None,
            "exitCode": whole(row["exit_code"]),
            "at": self._time(row["timestamp"]),
        }

    def _read_sessions(self) -> Iterator[Row]:
        return tables.read_all(self._file, tables.SESSIONS, tables.SESSION)

    def _ticket(self, row: Row) -> Body:
        """Who resolved it is decided here, where the sessions are."""
        opened = opened_at(row, self._zone)
        agent = says_resolved(row, name_of(row["id"]) in self._resolving)
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
    """The agent's own id, as far as a path can hold it, and a digest of all that never changes of its row."""
    return f"{re.sub(r'[^A-Za-z0-9._:-]', '_', name_of(id_))[:96]}-{known.digest((id_, *rest))[:8]}"
