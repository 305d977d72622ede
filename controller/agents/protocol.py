"""The protocol of agent sources, and the values that they return: tickets, commands, reasoning.

The rest of the controller knows an agent's work only by these values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from controller.jsontypes import Json


class AgentUnreadable(Exception):
    """The agent's source cannot be read now; the text says why. It may be readable later."""


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """The files of agents that may be read: those below the folder `below` (None: any), except those in `never`."""

    below: str | None = None
    never: tuple[str, ...] = ()


ANY_FILE = FilePolicy()


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The rows of a table at one time: the digests that identify them, sixteen digits each, joined.

    Rows with ids below `floor` existed too, and have no digests here. `count` is the highest id that was ever used or,
    where ids are no numbers, the number of rows.
    """

    digests: str = ""
    floor: int | None = None
    count: int = 0


NOTHING_KNOWN = KnownRows()


@dataclass(frozen=True, slots=True)
class Cursor:
    """The point in an agent's work up to which everything is old. What comes after it is new.

    Over HTTP, new is what has a higher number than `ticket` or `entry`; in a file, what is not among `tickets` and
    `entries`. `file` is the identity of the file that was read (None: there was none, or the source is no file). `at`
    is our clock, UTC.
    """

    at: datetime
    ticket: int = 0
    entry: int = 0
    file: str | None = None
    tickets: KnownRows = NOTHING_KNOWN
    entries: KnownRows = NOTHING_KNOWN

    def to_json(self) -> dict[str, Json]:
        """Returns the JSON of the record, which has the counts and not the rows."""
        return {"at": self.at.isoformat(), "ticket": self.ticket, "entry": self.entry, "file": self.file}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as a source shows it. Times are UTC.

    `number` ascends in the order of arrival; `id` is the agent's own, whatever its type was, as a text. `opened_at` and
    `resolved_at` are the agent's own times, None where they cannot be read. `resolved`: the *agent* says so; an
    escalation, or a monitor that no longer sees anything, does not. `arrived_at` and `resolution_arrived_at` are our
    clock's, where a source knows them.
    """

    number: int
    id: str
    subject: str | None = None
    message: str = ""
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved: bool = False
    arrived_at: datetime | None = None
    resolution_arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PollResult:
    """The tickets after the cursor, ascending, as they were at `at` by our clock.

    `error`: why the source could not be read; the tickets then say nothing.
    """

    at: datetime
    tickets: tuple[Ticket, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the agent, masked and classified. `at` is the agent's own time, UTC, or None if unreadable."""

    at: datetime | None
    session: str
    tool: str
    command: str
    exit_code: int | None
    mutating: bool
    destructive: bool
    reason: str

    def to_json(self) -> dict[str, Json]:
        """Returns the JSON of the record."""
        return {
            "at": None if self.at is None else self.at.isoformat().replace("+00:00", "Z"),
            "session": self.session,
            "tool": self.tool,
            "command": self.command,
            "exitCode": self.exit_code,
            "mutating": self.mutating,
            "destructive": self.destructive,
            "why": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the agent's reasoning, masked. `after` is the number of the log's commands that came before it.

    `at` is the agent's own time, UTC; None where it cannot be read.
    """

    at: datetime | None
    session: str
    text: str
    after: int

    def to_json(self) -> dict[str, Json]:
        """Returns the JSON of the record."""
        at = None if self.at is None else self.at.isoformat().replace("+00:00", "Z")
        return {"at": at, "session": self.session, "text": self.text, "after": self.after}


@dataclass(frozen=True, slots=True)
class CommandLog:
    """The commands, in order, and the reasoning in between. Not `complete`: some commands could not be read or kept,
    and `reason` says so.
    """

    commands: tuple[Command, ...] = ()
    complete: bool = True
    reason: str = ""
    reasoning: tuple[Reasoning, ...] = ()


@runtime_checkable
class AgentSource(Protocol):
    """Where one campaign's agent is observed. Every method may be cancelled at any await."""

    async def current_cursor(self) -> Cursor:
        """Returns a cursor behind all that is there now. Raises AgentUnreadable."""
        ...

    async def poll(self, cursor: Cursor) -> PollResult:
        """Returns the tickets after the cursor. A source that cannot be read is no exception here, but `error`."""
        ...

    async def read_commands(self, cursor: Cursor, tickets: Sequence[Ticket]) -> CommandLog:
        """Returns what was run after the cursor in the sessions of these tickets. Raises AgentUnreadable."""
        ...

    async def close(self) -> None:
        """Releases what is open."""
        ...
