"""What stands in an operator.db. Columns that are not there read as NULL: older agents have fewer of them.

    tickets            what was noticed. Status open, acknowledged, resolved, or diagnosed (an escalation)
    agent_sessions     one run of the agent, on a ticket
    agent_log_entries  what it thought, ran and was told. Exit codes stand in the results alone

The agent's tables exist only once the agent has opened the file; its monitor makes `tickets` alone.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice

from controller.agents.protocol import AgentUnreadable, Mark

TICKETS, SESSIONS, ENTRIES = "tickets", "agent_sessions", "agent_log_entries"

MOST_TICKETS = 1000
"""Of one look, the oldest first."""

MOST_CALLS = 20_000
"""With their results, and what was said in between, of one attempt."""

PARAMS_CHARACTERS = 65_536
"""Of what a tool was given, or said; more is not read."""

_TICKET = (
    "id",
    "violation_key",
    "subject",
    "status",
    "message",
    "severity",
    "diagnosis",
    "first_seen_at",
    "created_at",
    "resolved_at",
)
_SESSION = ("session_id", "ticket_id", "status", "started_at", "ended_at")
_TYPES = ("tool_call", "tool_result", "reasoning")
_ENTRY = ("id", "session_id", "entry_type", "content", "tool_name", "tool_params", "exit_code", "timestamp")

_BORN = {TICKETS: ("violation_key", "first_seen_at", "created_at"), ENTRIES: ("session_id", "timestamp", "created_at")}
"""What of a row never changes."""


def highest(connection: sqlite3.Connection, table: str) -> int:
    """The highest id there ever was in the table, also if its row is gone; 0 for an empty one, or none."""
    if not _has_ids(connection, table):
        return 0
    (found,) = connection.execute(f"SELECT max(id) FROM {table}").fetchone()
    if _columns(connection, "sqlite_sequence"):
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        found = max(found or 0, row[0] if row else 0)
    return found or 0


def identity(connection: sqlite3.Connection, ticket: int, entry: int) -> str:
    """What tells this file from another: what stands in its ticket and its log entry of these numbers.

    Not its inode: a file that is made anew often gets the one of the file that was removed.
    """
    return f"{_born(connection, TICKETS, ticket) or '-'}/{_born(connection, ENTRIES, entry) or '-'}"


def is_of(connection: sqlite3.Connection, mark: Mark) -> bool:
    """Whether the mark was taken in this file. Else all that stands in it is new."""
    if mark.file is None:
        return False
    ticket, _, entry = mark.file.partition("/")
    numbers = ((TICKETS, mark.ticket, ticket), (ENTRIES, mark.entry, entry))
    return all(_same(connection, table, number, born) for table, number, born in numbers if number)


def read_tickets(connection: sqlite3.Connection, above: int) -> list[sqlite3.Row]:
    """The tickets with a higher id, ascending, the first MOST_TICKETS."""
    return list(islice(stream_tickets(connection, above), MOST_TICKETS))


def stream_tickets(connection: sqlite3.Connection, above: int) -> Iterator[sqlite3.Row]:
    """The same, without an end."""
    if select := _select(connection, TICKETS, _TICKET):
        yield from connection.execute(f"{select} WHERE id > ? ORDER BY id", (above,))


def read_sessions(connection: sqlite3.Connection, tickets: Sequence[int] | None = None) -> Iterator[sqlite3.Row]:
    """The sessions of these tickets; all, without."""
    if select := _select(connection, SESSIONS, _SESSION):
        where = "" if tickets is None else f" WHERE ticket_id IN ({_marks(tickets)})"
        yield from connection.execute(f"{select}{where} ORDER BY id", tickets or ())


def has_log(connection: sqlite3.Connection) -> bool:
    """Whether the agent has opened the file: only then there is a log."""
    return bool(_columns(connection, ENTRIES))


def read_calls(connection: sqlite3.Connection, sessions: Sequence[str], above: int) -> list[sqlite3.Row]:
    """Calls, results and reasoning of these sessions with a higher id, ascending."""
    if not (select := _select(connection, ENTRIES, _ENTRY)):
        return []
    which = f"id > ? AND session_id IN ({_marks(sessions)}) AND entry_type IN {_TYPES}"
    found = connection.execute(f"{select} WHERE {which} ORDER BY id LIMIT {MOST_CALLS}", (above, *sessions))
    return found.fetchall()


def read_entries(connection: sqlite3.Connection, above: int, limit: int) -> list[sqlite3.Row]:
    """The next entries of all sessions."""
    select = _select(connection, ENTRIES, _ENTRY)
    return connection.execute(f"{select} WHERE id > ? ORDER BY id LIMIT ?", (above, limit)).fetchall() if select else []


def born(row: Sequence[object]) -> str:
    """Sixteen hexadecimal digits by which a row is known again, whatever file it stands in."""
    return hashlib.sha256(repr(tuple(row)).encode(errors="replace")).hexdigest()[:16]


def _born(connection: sqlite3.Connection, table: str, number: int) -> str | None:
    select = _select(connection, table, _BORN[table])
    row = connection.execute(f"{select} WHERE id = ?", (number,)).fetchone() if select and number else None
    return born(row) if row else None


def _same(connection: sqlite3.Connection, table: str, number: int, was_born: str) -> bool:
    """Whether the row of that number is the one that it was. If it was deleted, its number is not given out again."""
    now = _born(connection, table, number)
    return highest(connection, table) >= number if now is None else now == was_born


def _has_ids(connection: sqlite3.Connection, table: str) -> bool:
    """Whether the table is there. AgentUnreadable where it has no ids."""
    there = _columns(connection, table)
    if there and "id" not in there:
        raise AgentUnreadable(f"operator.db cannot be understood: its table {table} has no column id")
    return bool(there)


def _select(connection: sqlite3.Connection, table: str, wanted: Sequence[str]) -> str:
    """Empty where there is no such table. AgentUnreadable as above."""
    if not _has_ids(connection, table):
        return ""
    there = _columns(connection, table)
    names = (_expression(name) if name in there else f"NULL AS {name}" for name in wanted)
    return f"SELECT {', '.join(names)} FROM {table}"


def _expression(name: str) -> str:
    return f"substr({name}, 1, {PARAMS_CHARACTERS}) AS {name}" if name in ("tool_params", "content") else name


def _columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
