"""Limits statements on an agent's SQLite file: they may read three tables, in bounded time and memory.

The file may be hostile: it may try to make its reader hang, run out of memory, or run SQL from the file. So only plain
tables are read (no view, no virtual table, no generated column), and only a few harmless functions are called.
"""

from __future__ import annotations

import sqlite3
import time

from controller.agents.protocol import AgentUnreadable

CPU_SECONDS = 3.0
"""The limit of one read in SQLite's own loops. Reading a thousand tickets takes some ten milliseconds."""

VALUE_BYTES = 1 << 20
"""Of a longer value only the beginning is read (`tables.read_row`)."""

HEAP_BYTES = 64 << 20
"""SQLite's memory limit in the process that reads such files."""

_STEPS = 10_000
"""Instructions of SQLite's virtual machine between two checks of the time."""

_FUNCTIONS = frozenset({"substr", "typeof", "count", "max", "coalesce"})
_TABLES = frozenset({"tickets", "agent_sessions", "agent_log_entries", "sqlite_master", "sqlite_sequence"})
_PRAGMAS = frozenset({"table_info", "index_list"})


class TooMuch(AgentUnreadable):
    """A read exceeded its limits."""


def guard(connection: sqlite3.Connection) -> None:
    """Sets the limits of a connection that was just opened. Must be called before the first statement."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
    connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.set_authorizer(_authorize)
    deadline = time.process_time() + CPU_SECONDS
    connection.set_progress_handler(lambda: time.process_time() > deadline, _STEPS)


def limit_heap(connection: sqlite3.Connection) -> None:
    """Limits SQLite's memory in the whole process, which cannot be undone."""
    connection.execute(f"PRAGMA hard_heap_limit = {HEAP_BYTES}").fetchall()


def _authorize(action: int, first: str | None, second: str | None, _: str | None, within: str | None) -> int:
    """SQLite's authorizer, called for every part of a statement. `within` is the view or trigger that contains it."""
    allowed = within is None and (
        action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION)
        or (action == sqlite3.SQLITE_READ and (first or "").lower() in _TABLES)
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS)
        or (action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
