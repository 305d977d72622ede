"""The tables of an operator.db. Missing columns read as NULL, because older agents have fewer of them.

    tickets            detected violations. Status open, acknowledged, resolved, or diagnosed (an escalation)
    agent_sessions     one run of the agent on a ticket
    agent_log_entries  its reasoning, tool calls and their results. Only results have exit codes

The agent's tables exist only once the agent has opened the file; its monitor creates `tickets` alone. Ids may be of any
type. Those of an `INTEGER PRIMARY KEY` give the order of the rows; all others only identify a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controller.agents.protocol import AgentUnreadable

TICKETS, SESSIONS, ENTRIES = "tickets", "agent_sessions", "agent_log_entries"

TEXT_CHARACTERS = 16_384
"""How much of a text is read; at most a quarter of that is kept."""

PARAMS_CHARACTERS = 65_536
"""How much of a tool's parameters is read: they may be JSON, which is parsed only when complete."""

WORD_CHARACTERS = 1024
"""How much of an id, a status or a time is read."""

TICKET = (
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
SESSION = ("session_id", "ticket_id", "status", "started_at", "ended_at")
ENTRY = ("id", "session_id", "entry_type", "content", "tool_name", "tool_params", "exit_code", "timestamp")

_LONG = {
    "tool_params": PARAMS_CHARACTERS,
    "content": TEXT_CHARACTERS,
    "message": TEXT_CHARACTERS,
    "diagnosis": TEXT_CHARACTERS,
}
_ORDERED_BY = {TICKETS: ("created_at", "first_seen_at"), SESSIONS: ("started_at",), ENTRIES: ("timestamp",)}
"""The columns that give the order of the rows of a table WITHOUT ROWID."""

Row: TypeAlias = dict[str, object]
RowKey: TypeAlias = tuple[object, ...]
"""The values that locate a row within one snapshot."""


@dataclass(frozen=True, slots=True)
class Table:
    """The structure of a table of the file.

    `row_key`: the SQL of the columns that locate a row. `key`: the columns that identify a row. `counts`: its ids are
    numbers that ascend in the order in which rows were inserted.
    """

    name: str
    columns: frozenset[str]
    row_key: tuple[str, ...]
    key: tuple[str, ...]
    rowid: str | None
    counts: bool

    @property
    def order(self) -> str:
        """The ORDER BY expression for the order in which rows were inserted, as far as that is known."""
        times = [name for name in _ORDERED_BY[self.name] if name in self.columns and self.rowid is None]
        return ", ".join((*(_limited(_quoted(name), WORD_CHARACTERS) for name in times), *self.row_key))


def find_table(connection: sqlite3.Connection, name: str) -> Table | None:
    """Returns a table, or None. Raises AgentUnreadable where it is no plain table, or its rows have no ids."""
    found = connection.execute(
        "SELECT type, rootpage, name FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
        (name,),
    ).fetchone()
    if found is None:
        return None
    if found[0] != "table" or not found[1]:
        raise AgentUnreadable(f"operator.db cannot be understood: {name} is no plain table in it")
    described = connection.execute(f"PRAGMA table_info({name})").fetchall()
    columns = {str(row[1]).lower(): (str(row[2]), int(row[5])) for row in described}
    primary = [column for column, (_, row_key) in sorted(columns.items(), key=lambda each: each[1][1]) if row_key]
    if name != SESSIONS and "id" not in columns:
        raise AgentUnreadable(f"operator.db cannot be understood: its table {name} has no column id")
    rowid = _rowid(connection, name, columns)
    indexed = any(row[3] == "pk" for row in connection.execute(f"PRAGMA index_list({name})"))
    counts = primary == ["id"] and columns["id"][0].upper() == "INTEGER" and rowid is not None and not indexed
    row_key = (rowid,) if rowid is not None else tuple(map(_quoted, primary))
    return Table(name, frozenset(columns), row_key, tuple(dict.fromkeys(("id", *primary))), rowid, counts)


def read_row(connection: sqlite3.Connection, table: Table, row_key: RowKey, columns: Sequence[str]) -> Row:
    """Returns these columns of one row, each truncated. Raises AgentUnreadable where even that cannot be read."""
    where = " AND ".join(f"{column} IS ?" for column in table.row_key)
    expressions = [_read(table, name) for name in columns]
    try:
        found = connection.execute(
            f"SELECT {', '.join(expressions)} FROM {table.name} WHERE {where}", row_key
        ).fetchone()
        return dict(zip(columns, found or [None] * len(columns), strict=True))
    except sqlite3.DataError:  # one of them is longer than a value may be
        return {name: _beginning(connection, table, row_key, name) for name in columns}


def row_keys(
    connection: sqlite3.Connection, table: Table, where: str = "", values: Sequence[object] = (), limit: int = -1
) -> Iterator[RowKey]:
    """Yields the keys of the rows, in the order in which they were inserted."""
    sql = f"SELECT {', '.join(table.row_key)} FROM {table.name} {where} ORDER BY {table.order} LIMIT ?"
    yield from connection.execute(sql, (*values, limit))


def read_all(connection: sqlite3.Connection, name: str, columns: Sequence[str], limit: int = -1) -> Iterator[Row]:
    """Yields all rows of a table, in the order in which they were inserted; none where there is no such table."""
    table = find_table(connection, name)
    if table is not None:
        for row_key in row_keys(connection, table, limit=limit):
            yield read_row(connection, table, row_key, columns)


def name_of(value: object) -> str:
    """Returns an id of any type as a text, which is the same for the same id in any table."""
    return value.hex() if isinstance(value, bytes) else "" if value is None else str(value)


def expression(table: Table, name: str) -> str:
    """Returns the SQL of a column, truncated like an id; NULL where it does not exist."""
    return _limited(_quoted(name), WORD_CHARACTERS) if name in table.columns else "NULL"


def _read(table: Table, name: str) -> str:
    if name not in table.columns:
        return "NULL"
    return _limited(_quoted(name), _LONG.get(name, WORD_CHARACTERS))


def _limited(column: str, characters: int) -> str:
    """Returns the SQL that truncates texts and blobs, and leaves numbers as they are."""
    return f"CASE WHEN typeof({column}) IN ('text', 'blob') THEN substr({column}, 1, {characters}) ELSE {column} END"


def _beginning(connection: sqlite3.Connection, table: Table, row_key: RowKey, name: str) -> object:
    """Returns the beginning of a value that may be too long to be loaded, by incremental blob I/O."""
    if name not in table.columns:
        return None
    where = " AND ".join(f"{column} IS ?" for column in table.row_key)
    try:
        sql = f"SELECT {_read(table, name)} FROM {table.name} WHERE {where}"
        found = connection.execute(sql, row_key).fetchone()
        return found[0] if found else None
    except sqlite3.DataError:
        if table.rowid is None:
            raise AgentUnreadable(f"operator.db cannot be read: a {name} in {table.name} is too long") from None
    with connection.blobopen(table.name, name, int(str(row_key[0])), readonly=True) as value:
        characters = _LONG.get(name, WORD_CHARACTERS)
        return value.read(characters * 4).decode(errors="replace")[:characters]


def _rowid(connection: sqlite3.Connection, name: str, columns: dict[str, tuple[str, int]]) -> str | None:
    """Returns the name of the table's rowid column; None where it has none."""
    free = next((each for each in ("rowid", "_rowid_", "oid") if each not in columns), None)
    if free is None:
        return None
    try:
        connection.execute(f"SELECT {free} FROM {name} LIMIT 0")
    except sqlite3.OperationalError as error:
        if "no such column" not in str(error):
            raise
        return None
    return free


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class NoSuchZone(Exception):
    """The name is not in the IANA time zone database; the text says so."""


def read_time(value: object, zone: tzinfo) -> datetime | None:
    """Returns an ISO 8601 text as a time in UTC; None where it is none. A naive time is taken to be in `zone`."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def zone_of(name: str) -> tzinfo:
    """Returns a zone of the IANA database. Raises NoSuchZone for any other name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NoSuchZone(f"{name!r} is no name of the IANA database, such as Europe/Vienna") from None
