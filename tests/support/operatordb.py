"""An operator.db as the reference agent makes one: its monitor's table first, the agent's own when that has started."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

MONITOR = """
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, violation_key TEXT NOT NULL, invariant_name TEXT NOT NULL, store_id TEXT,
    status TEXT NOT NULL DEFAULT 'open', held BOOLEAN NOT NULL DEFAULT 0, occurrence_count INTEGER NOT NULL DEFAULT 1,
    first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL, resolved_at TEXT, message TEXT NOT NULL,
    severity TEXT NOT NULL DEFAULT 'warning', diagnosis TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""

AGENT = """
CREATE TABLE agent_sessions (
    id INTEGER PRIMARY KEY, session_id TEXT UNIQUE NOT NULL, ticket_id INTEGER REFERENCES tickets(id),
    status TEXT NOT NULL DEFAULT 'running', started_at TEXT NOT NULL, ended_at TEXT, outcome_summary TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE agent_log_entries (
    id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES agent_sessions(session_id), entry_type TEXT NOT NULL,
    content TEXT NOT NULL, raw_content TEXT, tool_name TEXT, tool_params TEXT, exit_code INTEGER,
    timestamp TEXT NOT NULL, created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""


class AgentFile:
    """Writes like the agent and its monitor: naive local times, one short transaction each."""

    def __init__(self, path: Path, started: bool = True, wal: bool = False, made: bool = True) -> None:
        self.path = path
        if wal:
            self.run("PRAGMA journal_mode = WAL")
        if made:
            self.create(started)

    def create(self, started: bool = True) -> None:
        """Make the tables; the agent's own once that has `started`."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(MONITOR + (AGENT if started else ""))

    def run(self, sql: str, *values: object) -> int | None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(sql, values).lastrowid

    def ticket(self, seen: datetime, key: str = "store_down:1", made: datetime | None = None) -> int | None:
        """The monitor sees a violation. `made` is when the row was made, UTC."""
        return self.run(
            "INSERT INTO tickets (violation_key, invariant_name, first_seen_at, last_seen_at, message, created_at)"
            " VALUES (?, 'store_down', ?, ?, 'store 1 is Down', ?)",
            *(key, seen.isoformat(), seen.isoformat(), f"{made or seen:%Y-%m-%d %H:%M:%S}"),
        )

    def session(self, ticket: int | None, name: str, status: str = "running", at: datetime | None = None) -> None:
        """The agent begins to work on a ticket."""
        started = at.isoformat() if at else "2026-01-01T00:00:00"
        self.run(
            "INSERT INTO agent_sessions (session_id, ticket_id, status, started_at) VALUES (?, ?, ?, ?)",
            *(name, ticket, status, started),
        )

    def log(
        self, session: str, kind: str, params: object = None, code: object = None, at: str = "", content: str = "said"
    ) -> None:
        self.run(
            "INSERT INTO agent_log_entries (session_id, entry_type, content, tool_name, tool_params, exit_code,"
            " timestamp) VALUES (?, ?, ?, 'shell', ?, ?, ?)",
            *(session, kind, content, params, code, at),
        )

    def update(self, ticket: int | None, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self.run(f"UPDATE tickets SET {names} WHERE id = ?", *values.values(), ticket)
