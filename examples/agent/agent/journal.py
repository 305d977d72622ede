"""The protocol by which the agent reports its work, and the values that it reports. All times are UTC, with zone.

There are two implementations: `http_journal` sends to an intake, `operator_db` writes an SQLite file. An agent needs
one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

TicketStatus = Literal["open", "acknowledged", "resolved", "escalated"]
Resolver = Literal["agent", "monitor"]
EntryType = Literal["reasoning", "tool_call", "tool_result"]


class JournalUnavailable(Exception):
    """The journal accepts nothing now; the text says why. It may work later."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A detected problem. The whole ticket is reported again when it changes. `subject` is type/namespace."""

    id: str
    subject: str
    kind: str
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
    """A session of work on a ticket. The whole session is reported again when it ends."""

    id: str
    ticket: str
    started_at: datetime
    status: str = "running"
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a session's log, numbered from 1. A tool_call has a command; a tool_result has an exit code."""

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
    """Reports the agent's work. All methods but `open` return at once, or after a small write."""

    async def open(self) -> None:
        """Returns if reports will be accepted. Raises JournalUnavailable."""
        ...

    async def ticket(self, ticket: Ticket) -> None:
        """Reports a new or changed ticket."""
        ...

    async def session(self, session: Session) -> None:
        """Reports a new or changed session."""
        ...

    async def log(self, entries: Sequence[Entry]) -> None:
        """Reports entries of a session's log."""
        ...

    async def close(self) -> None:
        """Sends what is still unsent, within a few seconds, and releases what is open."""
        ...
