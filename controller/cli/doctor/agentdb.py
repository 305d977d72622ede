"""Can an agent's operator.db be read, and what is in it?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from controller.cli.doctor.finding import Finding, fail, ok, warn

TICKETS = "tickets"
OF_THE_AGENT = ("agent_sessions", "agent_log_entries")
"""The agent makes these when it first opens the file; until then only its monitor may have been there."""


def look(path: Path) -> Iterator[Finding]:
    """Opens it read-only. It is this machine's file; the controller must see it too, under `agent.path`."""
    if not path.exists():
        yield warn(
            f"There is no {path}",
            "the agent makes it when it starts; name the file that the controller sees, as agent.path does",
        )
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=2)) as database:
            counts = dict(_counts(database))
    except sqlite3.Error as error:
        yield fail(
            f"{path} cannot be read: {error}", "it must be the agent's SQLite file, and you must be able to read it"
        )
        return
    told = ", ".join(f"{count} {table}" for table, count in counts.items() if table in (TICKETS, *OF_THE_AGENT))
    if TICKETS not in counts:
        there = ", ".join(counts) or "none at all"
        yield fail(f"{path} has no table {TICKETS} (there are: {there})", "is it the operator.db of an agent?")
    elif missing := [table for table in OF_THE_AGENT if table not in counts]:
        yield warn(f"{path} can be read: {told}; it has no {' and no '.join(missing)} yet", "has the agent run once?")
    else:
        yield ok(f"{path} can be read: {told}")


def _counts(database: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    for name in names:
        quoted = name.replace('"', '""')
        yield name, database.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]
