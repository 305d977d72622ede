"""A journal that writes an operator.db: an SQLite file of tickets, sessions and log entries.

The schema is that of pikehouse's operator, which other agents use too. Times are UTC without a zone, as there. Every
write is a short transaction of its own, about a millisecond, so that readers and the agent do not block each other.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .journal import Entry, JournalUnavailable, Session, Ticket

SCHEMA = Path(__file__).with_name("operator_db.sql")

WAIT_SECONDS = 5.0
"""How long a write waits for a reader."""

ADD_TICKET = """
INSERT INTO tickets (violation_key, invariant_name, store_id, status, held, first_seen_at, last_seen_at, resolved_at,
                     message, severity, diagnosis, subject_context, created_at)
VALUES (:key, :kind, :about, :status, :held, :opened_at, :opened_at, :resolved_at,
        :message, :severity, :diagnosis, :subject, strftime('%Y-%m-%d %H:%M:%S', :opened_at))
"""
CHANGE_TICKET = """
UPDATE tickets SET status = :status, held = :held, resolved_at = :resolved_at, diagnosis = :diagnosis WHERE id = :row
"""
PUT_SESSION = """
INSERT INTO agent_sessions (session_id, ticket_id, status, started_at, ended_at)
VALUES (:id, :ticket, :status, :started_at, :ended_at)
ON CONFLICT (session_id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at
"""
ADD_ENTRY = """
INSERT INTO agent_log_entries (session_id, entry_type, content, tool_name, tool_params, exit_code, timestamp)
VALUES (:session, :type, :content, :tool, :params, :exit_code, :at)
"""


class OperatorDb:
    """Implements Journal. Creates the file at `path` and its tables where they are missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, int] = {}

    async def open(self) -> None:
        try:
            await asyncio.to_thread(self._make)
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{self._path} cannot be written: {error}") from error

    async def ticket(self, ticket: Ticket) -> None:
        if ticket.id in self._rows:
            await self._write(CHANGE_TICKET, {**ticket_row(ticket), "row": self._rows[ticket.id]})
        else:
            self._rows[ticket.id] = await self._write(ADD_TICKET, ticket_row(ticket))

    async def session(self, session: Session) -> None:
        row = {
            "id": session.id,
            "ticket": self._rows[session.ticket],
            "status": session.status,
            "started_at": naive(session.started_at),
            "ended_at": naive(session.ended_at),
        }
        await self._write(PUT_SESSION, row)

    async def log(self, entries: Sequence[Entry]) -> None:
        await self._write(ADD_ENTRY, *(entry_row(entry) for entry in entries))

    async def close(self) -> None:
        """Does nothing: no connection is open between two writes."""

    def _make(self) -> None:
        with closing(self._connect()) as db:
            db.executescript(SCHEMA.read_text())

    async def _write(self, statement: str, *rows: dict[str, Any]) -> int:
        """Returns the number of the last row."""

        def write() -> int:
            with closing(self._connect()) as db, db:
                last = [db.execute(statement, row).lastrowid for row in rows]
            return last[-1] or 0

        return await asyncio.to_thread(write)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=WAIT_SECONDS)


def ticket_row(ticket: Ticket) -> dict[str, Any]:
    """Returns the row of a ticket. A ticket that the agent took up stays `held`; without that it has no diagnosis."""
    held = ticket.status != "open" and ticket.resolved_by != "monitor"
    escalated = ticket.status == "escalated"
    return {
        "key": f"{ticket.kind}:{ticket.about}",
        "kind": ticket.kind,
        "about": ticket.about,
        "status": "diagnosed" if escalated else ticket.status,
        "held": held,
        "opened_at": naive(ticket.opened_at),
        "resolved_at": naive(ticket.resolved_at),
        "message": ticket.message,
        "severity": ticket.severity,
        "diagnosis": f"ESCALATED: {ticket.diagnosis}" if escalated else ticket.diagnosis if held else None,
        "subject": ticket.subject,
    }


def entry_row(entry: Entry) -> dict[str, Any]:
    """Returns the row of a log entry."""
    params = None if entry.command is None else {"command": entry.command, "reasoning": entry.reasoning}
    return {
        "session": entry.session,
        "type": entry.type,
        "content": entry.content,
        "tool": entry.tool,
        "params": None if params is None else json.dumps(params),
        "exit_code": entry.exit_code,
        "at": naive(entry.at),
    }


def naive(at: datetime | None) -> str | None:
    """Returns the time in UTC, without a zone."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None).isoformat()
