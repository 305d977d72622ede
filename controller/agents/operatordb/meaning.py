"""What the rows of operator.db mean: tickets, who resolved them, and what was run. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from controller.agents.commands import Deed
from controller.agents.operatordb.reading import Content, Row
from controller.agents.operatordb.times import parse
from controller.agents.protocol import Ticket


def tickets(content: Content, above: int, zone: tzinfo) -> tuple[Ticket, ...]:
    """The tickets with an id above `above`, ascending."""
    return tuple(ticket(row, content.sessions, zone) for row in content.tickets if row["id"] > above)


def ticket(row: Row, sessions: Sequence[Row], zone: tzinfo) -> Ticket:
    """One ticket. Times are local and without a zone, but for `created_at`, which SQLite writes in UTC."""
    return Ticket(
        number=row["id"],
        id=str(row["id"]),
        message=str(row["message"] or row["violation_key"] or ""),
        opened_at=parse(row["first_seen_at"], zone) or parse(row["created_at"], UTC),
        resolved_at=parse(row["resolved_at"], zone),
        resolved=resolved_by_agent(row, sessions),
    )


def resolved_by_agent(row: Row, sessions: Sequence[Row]) -> bool:
    """Whether the agent says that it is resolved.

    A monitor closes tickets too, when it no longer sees anything, or cannot see: it leaves no diagnosis and no session.
    An agent that gives up leaves the status `diagnosed`.
    """
    if row["status"] != "resolved":
        return False
    own = [session for session in sessions if session["ticket_id"] == row["id"]]
    return row["diagnosis"] is not None or any(session["status"] == "resolved" for session in own)


def deeds(content: Content, ticket_ids: Iterable[str], zone: tzinfo) -> list[Deed]:
    """What was run in the sessions of these tickets, in the order of the log."""
    wanted = set(ticket_ids)
    sessions = {row["session_id"] for row in content.sessions if str(row["ticket_id"]) in wanted}
    entries = [row for row in content.entries if row["session_id"] in sessions]
    return [
        Deed(
            at=parse(row["timestamp"], zone),
            session=str(row["session_id"]),
            tool=str(row["tool_name"] or ""),
            command=command_of(row["tool_params"], row["content"]),
            exit_code=_exit_code(entries[position + 1 :], row),
        )
        for position, row in enumerate(entries)
        if row["entry_type"] == "tool_call"
    ]


def command_of(params: Any, content: Any) -> str:
    """The command in a tool's parameters: without the reasoning beside it, which is never twice the same."""
    try:
        read = json.loads(params) if isinstance(params, str) else params
    except ValueError:
        return str(params)
    if isinstance(read, Mapping):
        if "command" in read:
            return str(read["command"])
        rest = {name: value for name, value in read.items() if name != "reasoning"}
        return json.dumps(rest, sort_keys=True) if rest else str(content or "")
    return str(read if read is not None else content or "")


def _exit_code(later: Sequence[Row], call: Row) -> int | None:
    """From the result that follows the call in its session; a call that never came back has none."""
    for row in later:
        if row["session_id"] != call["session_id"]:
            continue
        if row["entry_type"] == "tool_call":
            return None
        if row["entry_type"] == "tool_result":
            return int(row["exit_code"]) if row["exit_code"] is not None else None
    return None
