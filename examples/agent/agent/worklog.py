"""Keeps the current ticket and the session of work on it, and writes every change to the journal.

A session begins with the first entry of its log. An agent that only watches has a ticket and no session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from .journal import Entry, EntryType, Journal, Resolver, Session, Ticket

TOOL = "shell"


class WorkLog:
    """The tickets of one run. `run` is unique to the run, so that two runs never use the same id. `now` is UTC."""

    def __init__(self, journal: Journal, run: str, subject: str, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._run = run
        self._subject = subject
        self._now = now
        self._count = 0
        self._ticket: Ticket | None = None
        self._session: Session | None = None
        self._sequence = 0

    async def open_ticket(self, kind: str, about: str, message: str) -> None:
        """Opens a new ticket, without a session."""
        self._count += 1
        self._session, self._sequence = None, 0
        ticket_id = f"{self._run}-{self._count}"
        self._ticket = Ticket(ticket_id, self._subject, kind, about, message, opened_at=self._now())
        await self._journal.ticket(self._ticket)

    async def add_reasoning(self, content: str) -> None:
        """Adds a piece of reasoning to the log."""
        await self._write("reasoning", content)

    async def add_call(self, command: str, reasoning: str) -> None:
        """Adds a command to the log, before it is run."""
        await self._write("tool_call", f"$ {command}", command=command, reasoning=reasoning)

    async def add_result(self, output: str, exit_code: int) -> None:
        """Adds the result of the last command to the log."""
        await self._write("tool_result", output, exit_code=exit_code)

    async def close_ticket(self, diagnosis: str, by_agent: bool) -> None:
        """Closes the ticket as resolved, by the agent or by a monitor, and ends the session."""
        assert self._ticket is not None
        resolver: Resolver = "agent" if by_agent else "monitor"
        if by_agent:
            await self.add_reasoning(f"Resolved: {diagnosis}.")
        at = self._now()
        self._ticket = replace(
            self._ticket, status="resolved", resolved_at=at, resolved_by=resolver, diagnosis=diagnosis
        )
        await self._journal.ticket(self._ticket)
        if self._session is not None:
            await self._journal.session(replace(self._session, status="resolved", ended_at=at))

    async def _write(
        self,
        type: EntryType,
        content: str,
        command: str | None = None,
        reasoning: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        session = self._session or await self._begin_session()
        self._sequence += 1
        tool = None if type == "reasoning" else TOOL
        entry = Entry(session.id, self._sequence, type, self._now(), content, tool, command, reasoning, exit_code)
        await self._journal.log([entry])

    async def _begin_session(self) -> Session:
        """Acknowledges the ticket and begins a session."""
        assert self._ticket is not None
        at = self._now()
        self._ticket = replace(self._ticket, status="acknowledged")
        await self._journal.ticket(self._ticket)
        self._session = Session(f"{at:%Y-%m-%dT%H-%M-%S}-{self._ticket.id}", self._ticket.id, at)
        await self._journal.session(self._session)
        return self._session
