"""Which rows were there at the cursor, so that all others are new: by what each row is, not by the order of its id.

A row is known again by its id (with the rest of its primary key) and by when it was first seen, which never changes: so
it stays the same row when it is changed, rewritten whole, or moved by VACUUM, and in a copy of the file; and it is
another one when its id was given out again, or in a file that was made anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from controller.agents.operatordb.tables import ENTRIES, TICKETS, Place, Table, expression, find_table, places, read_row
from controller.agents.protocol import AgentUnreadable, Known

NEWEST = 1000
"""Where ids count upwards, so many of the newest rows are remembered, and that what is below them is old."""

MOST = 100_000
"""Rows that are remembered of a table whose ids say nothing of their order."""

_BORN = {TICKETS: ("violation_key",), ENTRIES: ("session_id",)}
_WHEN = {TICKETS: ("first_seen_at", "created_at"), ENTRIES: ("timestamp", "created_at")}
"""The first that is there: a store that rewrites rows whole may set the other anew each time."""

DIGITS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """A row: where it is, its id and its time as they stand there, and the digest by which it is known again."""

    place: Place
    id: object
    when: object
    digest: str


def take(connection: sqlite3.Connection, name: str) -> Known:
    """What is in a table. Raises AgentUnreadable where that is too much to be remembered."""
    table = find_table(connection, name)
    if table is None:
        return Known()
    if not table.counts:
        digests = [found.digest for found in _scan(connection, table, limit=MOST + 1)]
        if len(digests) > MOST:
            raise AgentUnreadable(
                f"operator.db holds more than {MOST:,} rows in {name}, and their ids are no INTEGER PRIMARY KEY, by"
                " which new ones could be told: let the agent begin with a new file"
            )
        return Known("".join(digests), count=len(digests))
    newest = connection.execute(f"SELECT id FROM {name} ORDER BY id DESC LIMIT {NEWEST}").fetchall()
    if not newest:
        return Known(count=_ever(connection, name))
    floor = newest[-1][0] if len(newest) == NEWEST else None
    digests = [found.digest for found in _scan(connection, table, floor)]
    return Known("".join(digests), floor, max(newest[0][0], _ever(connection, name)))


def new(connection: sqlite3.Connection, name: str, known: Known, same: bool) -> Iterator[Found]:
    """The rows that were not there then, in the order in which they came. `same`: it is the file of that time."""
    table = find_table(connection, name)
    if table is not None:
        digests = frozenset(split(known))
        for found in _scan(connection, table, known.floor if same and table.counts else None):
            if not same or found.digest not in digests:
                yield found


def is_same(connection: sqlite3.Connection, tickets: Known, entries: Known) -> bool:
    """Whether this is the file that the cursor was taken in: something of what stood in it still does.

    By its tickets, where it had any. A file with nothing in it is any file.
    """
    name, known = (TICKETS, tickets) if tickets.digests else (ENTRIES, entries)
    table = find_table(connection, name)
    if table is None or not known.digests:
        return True
    digests, there = frozenset(split(known)), False
    for found in _scan(connection, table, known.floor if table.counts else None):
        if found.digest in digests:
            return True
        there = True
    # With nothing left of it, and nothing new, there is nothing to be told apart.
    return not there and not any(True for _ in places(connection, table, limit=1))


def split(known: Known) -> list[str]:
    """The digests, one by one."""
    return [known.digests[start : start + DIGITS] for start in range(0, len(known.digests), DIGITS)]


def _scan(connection: sqlite3.Connection, table: Table, floor: int | None = None, limit: int = -1) -> Iterator[Found]:
    wanted = (*table.key, *_BORN[table.name], *_WHEN[table.name])
    where, values = ("WHERE id >= ?", (floor,)) if floor is not None else ("", ())
    columns = ", ".join((*table.place, *(expression(table, name) for name in wanted)))
    sql = f"SELECT {columns} FROM {table.name} {where} ORDER BY {table.order} LIMIT ?"
    try:
        # Whole before anything is given out: half a scan cannot be begun again.
        rows = connection.execute(sql, (*values, limit)).fetchall()
    except sqlite3.DataError:  # one of them is longer than a value may be
        rows = [
            (*place, *read_row(connection, table, place, wanted).values())
            for place in list(places(connection, table, where, values, limit))
        ]
    width, keys = len(table.place), len(table.key)
    for row in rows:
        told = row[width:]
        when = told[keys + 1] if told[keys + 1] is not None else told[keys + 2]
        yield Found(tuple(row[:width]), told[0], when, digest((*told[: keys + 1], when)))


def digest(row: tuple[object, ...]) -> str:
    """Sixteen hexadecimal digits by which a row is known again, whatever file it stands in."""
    return blake2b(repr(row).encode(errors="replace"), digest_size=DIGITS // 2).hexdigest()


def _ever(connection: sqlite3.Connection, name: str) -> int:
    """The highest id that was ever given out, also if its row is gone; 0 where that is not written down."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone() is None:
        return 0
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).fetchone()
    return row[0] if row and isinstance(row[0], int) else 0
