"""The source: three questions to the file, each by a connection of its own in a thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TypeVar

from controller.agents.operatordb.file import Locked, reading
from controller.agents.operatordb.reading import find_commands, find_tickets, take_mark
from controller.agents.protocol import AgentUnreadable, CommandLog, Mark, Report, Ticket

T = TypeVar("T")

TRIES = 5
"""How often a look tries again while the file's writer holds it, each for `BUSY_SECONDS`."""


class OperatorDb:
    """An `AgentSource`. `zone` is that of the agent's naive times; `now` is our clock, UTC."""

    def __init__(self, path: Path, zone: tzinfo, now: Callable[[], datetime]) -> None:
        self._path = path
        self._zone = zone
        self._now = now

    async def mark(self) -> Mark:
        """As the protocol says; a file that is not there is one with nothing in it."""
        return await self._read(take_mark)

    async def look(self, mark: Mark) -> Report:
        """As the protocol says. `at` is just before the file was read."""
        try:
            return await self._read(lambda file, at: Report(at, find_tickets(file, mark, self._zone)))
        except AgentUnreadable as trouble:
            return Report(self._now(), trouble=str(trouble))

    async def commands(self, mark: Mark, tickets: Sequence[Ticket]) -> CommandLog:
        """As the protocol says."""
        return await self._read(lambda file, _: find_commands(file, mark, tickets, self._zone))

    async def close(self) -> None:
        """Nothing is held between two looks."""

    async def _read(self, work: Callable[[sqlite3.Connection | None, datetime], T]) -> T:
        for _ in range(TRIES - 1):
            try:
                return await asyncio.to_thread(self._read_now, work, self._now())
            except Locked:
                continue
        return await asyncio.to_thread(self._read_now, work, self._now())

    def _read_now(self, work: Callable[[sqlite3.Connection | None, datetime], T], at: datetime) -> T:
        with reading(self._path) as file:
            return work(file, at)
