"""operator.db as a source."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from controller.agents.commands import log_of
from controller.agents.operatordb import meaning
from controller.agents.operatordb.reading import fingerprint, last_entry, read
from controller.agents.protocol import AgentUnreadable, CommandLog, Mark, Report, Ticket


class OperatorDb:
    """Implements `AgentSource`. `zone` is what times without one mean."""

    def __init__(self, path: Path, zone: tzinfo, now: Callable[[], datetime]) -> None:
        self._path = path
        self._zone = zone
        self._now = now

    async def mark(self) -> Mark:
        """See the protocol. No file, or no tables yet: nothing was there."""
        at = self._now()
        content = await asyncio.to_thread(read, self._path, with_log=False)
        entry = await asyncio.to_thread(last_entry, self._path)
        return Mark(at, content.last_ticket, entry, fingerprint(content, content.last_ticket))

    async def look(self, mark: Mark) -> Report:
        """See the protocol."""
        at = self._now()
        try:
            content = await asyncio.to_thread(read, self._path, mark.ticket, with_log=False)
            if fingerprint(content, mark.ticket) == mark.file:
                return Report(at, meaning.tickets(content, mark.ticket, self._zone))
            content = await asyncio.to_thread(read, self._path, with_log=False)
            return Report(at, meaning.tickets(content, 0, self._zone))
        except AgentUnreadable as away:
            return Report(at, trouble=str(away))

    async def commands(self, mark: Mark, tickets: Sequence[Ticket]) -> CommandLog:
        """See the protocol."""
        if not tickets:
            return CommandLog()
        content = await asyncio.to_thread(read, self._path, mark.ticket, mark.entry)
        if fingerprint(content, mark.ticket) != mark.file:
            content = await asyncio.to_thread(read, self._path)
        return log_of(meaning.deeds(content, (ticket.id for ticket in tickets), self._zone))

    async def close(self) -> None:
        """Nothing stays open."""
