"""The source: three questions to the file, each answered by a process that has nothing else to do (`child.py`)."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from pathlib import Path

from controller.agents.operatordb.child import Child
from controller.agents.operatordb.file import EVERYWHERE, Bounds, Locked
from controller.agents.operatordb.questions import Json, Question, cursor_from_json, log_from_json, tickets_from_json
from controller.agents.protocol import AgentUnreadable, CommandLog, Cursor, PollResult, Ticket

TRIES = 5
"""How often a look tries again while the file's writer holds it, each for `BUSY_SECONDS`."""


class OperatorDb:
    """An `AgentSource`. `zone` is that of the agent's naive times; `now` is our clock, UTC; `bounds`: which files may
    be read.
    """

    def __init__(self, path: Path, zone: tzinfo, now: Callable[[], datetime], bounds: Bounds = EVERYWHERE) -> None:
        self._path = path
        self._zone = zone
        self._now = now
        self._bounds = bounds
        self._child = Child()
        # A thread of its own: a file that is slow to answer keeps no other work waiting.
        self._thread = ThreadPoolExecutor(1, "operator-db")
        weakref.finalize(self, _end, self._thread, self._child)

    async def refusal(self) -> str | None:
        """Why this file may never be read; None where it may, or is not there yet. Raises AgentUnreadable."""
        said: str | None = await self._ask(Question("refusal", str(self._path), self._now(), bounds=self._bounds))
        return said

    async def current_cursor(self) -> Cursor:
        """As the protocol says; a file that is not there is one with nothing in it."""
        told, _ = await self._read("cursor")
        return cursor_from_json(told)

    async def poll(self, cursor: Cursor) -> PollResult:
        """As the protocol says. `at` is just before the file was read."""
        try:
            told, at = await self._read("tickets", cursor)
            return PollResult(at, tickets_from_json(told))
        except AgentUnreadable as trouble:
            return PollResult(self._now(), trouble=str(trouble))

    async def read_commands(self, cursor: Cursor, tickets: Sequence[Ticket]) -> CommandLog:
        """As the protocol says."""
        told, _ = await self._read("commands", cursor, [ticket.id for ticket in tickets])
        return log_from_json(told)

    async def close(self) -> None:
        """End the process; nothing else is held between two looks. Whatever is asked later starts another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._child.close)

    async def _read(
        self, about: str, cursor: Cursor | None = None, tickets: Sequence[str] = ()
    ) -> tuple[Json, datetime]:
        for left in reversed(range(TRIES)):
            at = self._now()
            zone = str(self._zone)
            asked = Question(about, str(self._path), at, zone, cursor, tuple(tickets), self._bounds)
            try:
                return await self._ask(asked), at
            except Locked:
                if not left:
                    raise
        raise AssertionError

    async def _ask(self, question: Question) -> Json:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._child.ask, question)


def _end(thread: ThreadPoolExecutor, child: Child) -> None:
    thread.shutdown(wait=False)
    child.close()
