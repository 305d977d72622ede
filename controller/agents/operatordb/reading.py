"""Reading operator.db: a connection of its own for every look, read-only, closed at once.

The writer must not notice us: a long reader would block it, and opening the file its own way would create tables. What
may be missing (the file, a table, a column) is missing; what cannot be read now (locked, no database) is an error.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from controller.agents.protocol import AgentUnreadable

BUSY_SECONDS = 1.0
"""How long a look waits for a writer. The next look comes soon."""

Row = Mapping[str, Any]

COLUMNS: Mapping[str, Sequence[str]] = {
    "tickets": (
        "id",
        "violation_key",
        "status",
        "first_seen_at",
        "created_at",
        "resolved_at",
        "message",
        "severity",
        "diagnosis",
    ),
    "agent_sessions": ("id", "session_id", "ticket_id", "status", "started_at", "ended_at"),
    "agent_log_entries": (
        "id",
        "session_id",
        "entry_type",
        "content",
        "tool_name",
        "tool_params",
        "exit_code",
        "timestamp",
    ),
}
"""What is read, by table. A column that an older schema lacks reads as None; `id` must be there."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was read in one transaction. `file` is None where there is no file; tables that are missing are empty."""

    file: str | None
    tickets: Sequence[Row] = ()
    sessions: Sequence[Row] = ()
    entries: Sequence[Row] = ()

    @property
    def last_ticket(self) -> int:
        """The highest id of a ticket; 0 where there is none."""
        return max((row["id"] for row in self.tickets), default=0)


def read(path: Path, after_ticket: int = 0, after_entry: int = 0, with_log: bool = True) -> Content:
    """Tickets from `after_ticket` on (that one too: it tells whether this is still the same file), all sessions, and
    the log above `after_entry`. Raises AgentUnreadable with a sentence.
    """
    try:
        identity = os.stat(path).st_ino
    except FileNotFoundError:
        return Content(None)
    except OSError as error:
        raise AgentUnreadable(f"operator.db at {path} cannot be read: {error.strerror}") from None
    try:
        with _snapshot(path) as connection:
            tickets = _rows(connection, "tickets", after_ticket - 1)
            sessions = _rows(connection, "agent_sessions", 0)
            entries = _rows(connection, "agent_log_entries", after_entry) if with_log else []
    except sqlite3.Error as error:
        raise AgentUnreadable(f"operator.db at {path} cannot be read: {error}") from None
    return Content(str(identity), tickets, sessions, entries)


def last_entry(path: Path) -> int:
    """The highest id in the log; 0 where there is none. Raises AgentUnreadable."""
    if not path.exists():
        return 0
    try:
        with _snapshot(path) as connection:
            if not _columns(connection, "agent_log_entries"):
                return 0
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM agent_log_entries").fetchone()
            return int(last)
    except sqlite3.Error as error:
        raise AgentUnreadable(f"operator.db at {path} cannot be read: {error}") from None


def fingerprint(content: Content, ticket: int) -> str | None:
    """Which file this is: by its inode, which may be given away again, and by what the ticket of this id says.

    Ids are never given twice within a file; in another one the same id is another ticket.
    """
    if content.file is None:
        return None
    row = next((row for row in content.tickets if row["id"] == ticket), None)
    said = "" if row is None else f"{row['violation_key']}/{row['first_seen_at']}/{row['created_at']}"
    return f"{content.file}:{sha256(said.encode()).hexdigest()[:16]}"


@contextmanager
def _snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    with closing(connection):
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield connection


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}


def _rows(connection: sqlite3.Connection, table: str, after: int) -> list[Row]:
    there = _columns(connection, table)
    if not there:
        return []
    if "id" not in there:
        raise sqlite3.DatabaseError(f"its table {table} has no column id")
    wanted = ", ".join(name if name in there else f"NULL AS {name}" for name in COLUMNS[table])
    found = connection.execute(f"SELECT {wanted} FROM {table} WHERE id > ? ORDER BY id", (after,))
    return [dict(row) for row in found]
