"""Remembers which rows existed at the cursor, so that all others are new. Rows are identified by their content.

A row is identified by its primary key and by when it was first seen, which never changes. So it stays the same row when
it is updated, rewritten, or moved by VACUUM, and in a copy of the file. It is another row where its id was reused, or
in a file that was created anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from controller.agents.operatordb.tables import (
    ENTRIES,
    TICKETS,
    RowKey,
    Table,
    expression,
    find_table,
    read_row,
    row_keys,
)
from controller.agents.protocol import AgentUnreadable, KnownRows

MAX_NEWEST = 1000
"""The number of the newest rows that are remembered where ids ascend; all rows with lower ids are old."""

MAX_ROWS = 100_000
"""The most rows that are remembered of a table whose ids do not give their order."""

_IDENTIFYING = {TICKETS: ("violation_key",), ENTRIES: ("session_id",)}
_FIRST_SEEN = {TICKETS: ("first_seen_at", "created_at"), ENTRIES: ("timestamp", "created_at")}
"""The first column that exists counts: a store that rewrites rows may set the other one each time."""

DIGITS = 16


@dataclass(frozen=True, slots=True)
class IdentifiedRow:
    """A row: its key, its id and its time as stored, and the digest that identifies it."""

    row_key: RowKey
    id: object
    first_seen: object
    digest: str


def remember_rows(connection: sqlite3.Connection, name: str) -> KnownRows:
    """Returns the rows of a table, to be remembered. Raises AgentUnreadable where there are too many."""
    table = find_table(connection, name)
    if table is None:
        return KnownRows()
    if not table.counts:
        digests = [found.digest for found in _scan(connection, table, limit=MAX_ROWS + 1)]
        if len(digests) > MAX_ROWS:
            raise AgentUnreadable(
                f"operator.db holds more than {MAX_ROWS:,} rows in {name}, and their ids are no INTEGER PRIMARY KEY, by"
                " which new ones could be told: let the agent begin with a new file"
            )
        return KnownRows("".join(digests), count=len(digests))
    newest = connection.execute(f"SELECT id FROM {name} ORDER BY id DESC LIMIT {MAX_NEWEST}").fetchall()
    if not newest:
        return KnownRows(count=_highest_id_ever(connection, name))
    floor = newest[-1][0] if len(newest) == MAX_NEWEST else None
    digests = [found.digest for found in _scan(connection, table, floor)]
    return KnownRows("".join(digests), floor, max(newest[0][0], _highest_id_ever(connection, name)))


def new_rows(connection: sqlite3.Connection, name: str, known_rows: KnownRows, same: bool) -> Iterator[IdentifiedRow]:
    """Yields the rows that did not exist then, in order. `same`: it is the same file as then."""
    table = find_table(connection, name)
    if table is not None:
        digests = frozenset(digests_of(known_rows))
        for found in _scan(connection, table, known_rows.floor if same and table.counts else None):
            if not same or found.digest not in digests:
                yield found


def is_same_file(connection: sqlite3.Connection, tickets: KnownRows, entries: KnownRows) -> bool:
    """Returns whether this is the file of the cursor: at least one remembered row still exists.

    Its tickets decide, where it had any. An empty file counts as the same.
    """
    name, known_rows = (TICKETS, tickets) if tickets.digests else (ENTRIES, entries)
    table = find_table(connection, name)
    if table is None or not known_rows.digests:
        return True
    digests, has_rows = frozenset(digests_of(known_rows)), False
    for found in _scan(connection, table, known_rows.floor if table.counts else None):
        if found.digest in digests:
            return True
        has_rows = True
    # An empty table says nothing about which file it is.
    return not has_rows and not any(True for _ in row_keys(connection, table, limit=1))


def digests_of(known_rows: KnownRows) -> list[str]:
    """Returns the digests as a list."""
    return [known_rows.digests[start : start + DIGITS] for start in range(0, len(known_rows.digests), DIGITS)]


def _scan(
    connection: sqlite3.Connection, table: Table, floor: int | None = None, limit: int = -1
) -> Iterator[IdentifiedRow]:
    wanted = (*table.key, *_IDENTIFYING[table.name], *_FIRST_SEEN[table.name])
    where, values = ("WHERE id >= ?", (floor,)) if floor is not None else ("", ())
    columns = ", ".join((*table.row_key, *(expression(table, name) for name in wanted)))
    sql = f"SELECT {columns} FROM {table.name} {where} ORDER BY {table.order} LIMIT ?"
    try:
        # All rows are read before the first is yielded, because a scan cannot be resumed.
        rows = connection.execute(sql, (*values, limit)).fetchall()
    except sqlite3.DataError:  # one of them is longer than a value may be
        rows = [
            (*row_key, *read_row(connection, table, row_key, wanted).values())
            for row_key in list(row_keys(connection, table, where, values, limit))
        ]
    width, keys = len(table.row_key), len(table.key)
    for row in rows:
        values = row[width:]
        first_seen = values[keys + 1] if values[keys + 1] is not None else values[keys + 2]
        yield IdentifiedRow(tuple(row[:width]), values[0], first_seen, digest((*values[: keys + 1], first_seen)))


def digest(row: tuple[object, ...]) -> str:
    """Returns sixteen hexadecimal digits that identify a row in any file."""
    return blake2b(repr(row).encode(errors="replace"), digest_size=DIGITS // 2).hexdigest()


def _highest_id_ever(connection: sqlite3.Connection, name: str) -> int:
    """Returns the highest id ever used, also of deleted rows (`sqlite_sequence`); 0 where it is not stored."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone() is None:
        return 0
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).fetchone()
    return row[0] if row and isinstance(row[0], int) else 0
