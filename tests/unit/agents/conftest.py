"""An operator.db as an agent writes it, to the letter of its schema."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

TICKETS = """
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, violation_key TEXT NOT NULL, invariant_name TEXT NOT NULL, store_id TEXT,
    status TEXT NOT NULL DEFAULT 'open', held BOOLEAN NOT NULL DEFAULT 0, batch_key TEXT,
    occurrence_count INTEGER NOT NULL DEFAULT 1, first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL,
    resolved_at TEXT, message TEXT NOT NULL, severity TEXT NOT NULL DEFAULT 'warning', diagnosis TEXT,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)
"""
SESSIONS = """
CREATE TABLE agent_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT UNIQUE, ticket_id INTEGER REFERENCES tickets(id),
    status TEXT DEFAULT 'running', started_at TEXT NOT NULL, ended_at TEXT, outcome_summary TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP)
"""
ENTRIES = """
CREATE TABLE agent_log_entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT REFERENCES agent_sessions(session_id), entry_type TEXT,
    content TEXT NOT NULL, raw_content TEXT, tool_name TEXT, tool_params TEXT, exit_code INTEGER,
    timestamp TEXT NOT NULL, created_at TEXT DEFAULT CURRENT_TIMESTAMP)
"""


class Agent:
    """Writes what an agent and its monitor write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, *tables: str) -> None:
        for table in tables or (TICKETS, SESSIONS, ENTRIES):
            self.run(table)

    def run(self, statement: str, *values) -> int:
        with closing(sqlite3.connect(self.path)) as database, database:
            return database.execute(statement, values).lastrowid or 0

    def opens(self, first_seen_at: str, key: str = "store_down:4") -> int:
        return self.run(
            "INSERT INTO tickets (violation_key, invariant_name, first_seen_at, last_seen_at, message)"
            " VALUES (?, 'store_down', ?, ?, 'Store 4 is Down')",
            key,
            first_seen_at,
            first_seen_at,
        )

    def closes(self, ticket: int, at: str, status: str = "resolved", diagnosis: str | None = None) -> None:
        self.run("UPDATE tickets SET status=?, resolved_at=?, diagnosis=? WHERE id=?", status, at, diagnosis, ticket)

    def works(self, ticket: int, session: str, status: str = "running") -> None:
        self.run(
            "INSERT INTO agent_sessions (session_id, ticket_id, status, started_at) VALUES (?, ?, ?, '')",
            session,
            ticket,
            status,
        )

    def logs(self, session: str, type_: str, params: str | None = None, exit_code: int | None = None) -> None:
        self.run(
            "INSERT INTO agent_log_entries"
            " (session_id, entry_type, content, tool_name, tool_params, exit_code, timestamp)"
            " VALUES (?, ?, '', 'shell', ?, ?, '2026-01-01T12:00:05')",
            session,
            type_,
            params,
            exit_code,
        )


@pytest.fixture
def agent(tmp_path):
    return Agent(tmp_path / "operator.db")
