"""How much is in an operator.db, for a person who looks whether it can be read."""

from __future__ import annotations

import sqlite3

from controller.agents.operatordb.tables import ENTRIES, SESSIONS, TICKETS, find_table

MAX_NAMES = 50


def count_rows(connection: sqlite3.Connection | None) -> dict[str, int | None]:
    """The rows of each of our tables that is there, and None for every other table, the first MAX_NAMES."""
    if connection is None:
        return {}
    ours = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in (ENTRIES, SESSIONS, TICKETS)
        if find_table(connection, name) is not None
    }
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT ?", (MAX_NAMES,)
    ).fetchall()
    return ours | {str(name)[:100]: None for (name,) in names if str(name).lower() not in ours}
