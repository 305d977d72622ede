"""Reads a log page by page: the entries that were not sent yet, each with a number that identifies it.

Where ids ascend, a page begins above the last id, and the id is the number. Where they do not, the entries that were
sent are remembered, and the number is the entry's time in microseconds. It gives the order of the entries, and stays
the same after a restart and after VACUUM, which renumbers such rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import islice

from controller.agents.operatordb import known, tables
from controller.agents.operatordb.tables import ENTRIES, TICKETS, Row
from controller.agents.operatordb.times import read_time
from controller.agents.protocol import NOTHING_KNOWN, Known

HIGHEST = 2**53 - 1
"""The highest number that the API accepts."""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a log was sent: up to which id, or which entries (by digest); and which rows the file held then."""

    above: int = 0
    sent: frozenset[str] = frozenset()
    tickets: Known = NOTHING_KNOWN
    entries: Known = NOTHING_KNOWN


NOTHING_SENT = Place()


@dataclass(frozen=True, slots=True)
class Next:
    """One entry that was not sent. `digest` identifies it where its id does not."""

    row: Row
    number: int
    digest: str = ""


def begin(connection: sqlite3.Connection, place: Place) -> Place:
    """Returns the place in this snapshot; the beginning, where it is another file.

    Raises AgentUnreadable where the log is too long to remember which entries were sent.
    """
    same = known.is_same(connection, place.tickets, place.entries)
    tickets, entries = known.take(connection, TICKETS), known.take(connection, ENTRIES)
    return replace(place if same else NOTHING_SENT, tickets=tickets, entries=entries)


def next_entries(connection: sqlite3.Connection, place: Place, zone: tzinfo, limit: int) -> Iterator[Next]:
    """Yields at most `limit` entries that were not sent, in order."""
    table = tables.find_table(connection, ENTRIES)
    if table is None:
        return
    if table.counts:
        for where in list(tables.places(connection, table, "WHERE id > ?", (place.above,), limit)):
            yield Next(tables.read_row(connection, table, where, tables.ENTRY), int(str(where[0])))
        return
    numbered = _numbered(connection, zone)
    for found, number in islice(((each, at) for each, at in numbered if each.digest not in place.sent), limit):
        yield Next(tables.read_row(connection, table, found.place, tables.ENTRY), number, found.digest)


def after(place: Place, sent: Sequence[Next]) -> Place:
    """Returns the place after these were sent too."""
    if not sent:
        return place
    digests = frozenset(each.digest for each in sent if each.digest)
    return replace(place, sent=place.sent | digests, above=place.above if digests else sent[-1].number)


def _numbered(connection: sqlite3.Connection, zone: tzinfo) -> Iterator[tuple[known.Found, int]]:
    """Yields every entry with its number, which is unique: its time, or its position in the log where it has none."""
    last = 0
    for place, found in enumerate(list(known.new(connection, ENTRIES, NOTHING_KNOWN, True)), 1):
        at = read_time(found.when, zone)
        last = max(place if at is None or not _EARLIEST <= at < _LATEST else int(at.timestamp() * 1e6), last + 1)
        yield found, min(last, HIGHEST)
