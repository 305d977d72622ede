"""Can an agent's operator.db be read, and what is in it?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from controller.agents.operatordb.queries import Query
from controller.agents.operatordb.reader import FileReader
from controller.agents.protocol import AgentUnreadable
from controller.cli.checks.finding import Finding, fail, ok, warn

TICKETS = "tickets"
OF_THE_AGENT = ("agent_sessions", "agent_log_entries")
"""The agent makes these when it first opens the file; until then only its monitor may have been there."""


def look(path: Path) -> Iterator[Finding]:
    """Reads it as the controller does. It is this machine's; the controller must see it too, under `agent.path`."""
    if not path.exists():
        yield warn(
            f"There is no {path}",
            "the agent makes it when it starts; name the file that the controller sees, as agent.path does",
        )
        return
    reader = FileReader()
    try:
        counts: dict[str, int | None] = reader.ask(Query("counts", str(path.absolute()), datetime.now(UTC)))
    except AgentUnreadable as trouble:
        yield fail(str(trouble), "it must be the agent's SQLite file, and you must be able to read it")
        return
    finally:
        reader.close()
    told = ", ".join(f"{count} {table}" for table, count in counts.items() if count is not None)
    if TICKETS not in counts:
        there = ", ".join(counts) or "none at all"
        yield fail(f"{path} has no table {TICKETS} (there are: {there})", "is it the operator.db of an agent?")
    elif missing := [table for table in OF_THE_AGENT if table not in counts]:
        yield warn(f"{path} can be read: {told}; it has no {' and no '.join(missing)} yet", "has the agent run once?")
    else:
        yield ok(f"{path} can be read: {told}")
