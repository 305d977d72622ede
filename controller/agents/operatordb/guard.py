"""What a statement on somebody else's SQLite file may do: read three tables, for so long, with so much memory.

The file is an agent's, and an agent may want its reader to hang, to run out of memory, or to run SQL that the file
brought along. So only plain tables are read (no view, no virtual table, no generated column), and only a few harmless
functions are called.
"""

from __future__ import annotations

import sqlite3
import time

from controller.agents.protocol import AgentUnreadable

CPU_SECONDS = 3.0
"""Of a look, in SQLite's own loops. A look at a thousand tickets takes some ten milliseconds."""

VALUE_BYTES = 1 << 20
"""A longer value is never loaded whole; its beginning is read (`values.py`)."""

HEAP_BYTES = 64 << 20
"""What SQLite may have in a process that does nothing else than read such files."""

_STEPS = 10_000
"""Of SQLite's machine, between two looks at the clock."""

_FUNCTIONS = frozenset({"substr", "typeof", "count", "max", "coalesce"})
_TABLES = frozenset({"tickets", "agent_sessions", "agent_log_entries", "sqlite_master", "sqlite_sequence"})
_PRAGMAS = frozenset({"table_info", "index_list"})


class TooMuch(AgentUnreadable):
    """A look took more than it may."""


def guard(connection: sqlite3.Connection) -> None:
    """Set the limits of a connection that was just opened. To be called before anything is asked of the file."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
    connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.set_authorizer(_may)
    give_up = time.process_time() + CPU_SECONDS
    connection.set_progress_handler(lambda: time.process_time() > give_up, _STEPS)


def limit_heap(connection: sqlite3.Connection) -> None:
    """Limit what SQLite takes in the whole process. It cannot be taken back."""
    connection.execute(f"PRAGMA hard_heap_limit = {HEAP_BYTES}").fetchall()


def _may(action: int, first: str | None, second: str | None, _: str | None, within: str | None) -> int:
    """SQLite asks this of every part of a statement. `within` is the view or trigger that wants it."""
    allowed = within is None and (
        action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION)
        or (action == sqlite3.SQLITE_READ and (first or "").lower() in _TABLES)
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS)
        or (action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
