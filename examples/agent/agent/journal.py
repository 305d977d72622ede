"""Where the agent tells what it does: the protocol, and what is told. All times are UTC and say so.

Two implementations: `http_journal` sends it to an intake, `operator_db` writes it into an SQLite file. An agent needs
one of them, and which one is a matter of taste.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

TicketStatus = Literal["open", "acknowledged", "resolved", "escalated"]
Resolver = Literal["agent", "monitor"]
EntryType = Literal["reasoning", "tool_call", "tool_result"]


class NotTaken(Exception):
    """What the agent tells would not be taken; the text says why. It may come right."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Something is wrong. Told anew, whole, whenever it changes. `subject`: type/namespace of the broken system."""

    id: str
    subject: str
    sign: str
    about: str
    message: str
    opened_at: datetime
    severity: str = "critical"
    status: TicketStatus = "open"
    resolved_at: datetime | None = None
    resolved_by: Resolver | None = None
    diagnosis: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One stretch of work on a ticket. Told anew, whole, when it ends."""

    id: str
    ticket: str
    started_at: datetime
    status: str = "running"
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a session's log, numbered from 1. A tool_call has a command and why; a tool_result has an exit code."""

    session: str
    sequence: int
    type: EntryType
    at: datetime
    content: str
    tool: str | None = None
    command: str | None = None
    reasoning: str | None = None
    exit_code: int | None = None


class Journal(Protocol):
    """Telling never delays acting: all but `open` return at once, or within the time of a small write."""

    async def open(self) -> None:
        """Return if what is told will be taken. Raises NotTaken."""
        ...

    async def ticket(self, ticket: Ticket) -> None:
        """Tell a ticket, or how it changed."""
        ...

    async def session(self, session: Session) -> None:
        """Tell a session, or how it changed."""
        ...

    async def log(self, entries: Sequence[Entry]) -> None:
        """Tell lines of a session's log."""
        ...

    async def close(self) -> None:
        """Have told what was to be told, within a few seconds, and let go."""
        ...
