"""The source `operatorDb`: each method is a query that a process of its own answers (`reader.py`)."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from controller.agents.operatordb.file import Locked
from controller.agents.operatordb.queries import FileQuery, cursor_from_json, log_from_json, tickets_from_json
from controller.agents.operatordb.reader import FileReader
from controller.agents.operatordb.tables import NoSuchZone, zone_of
from controller.agents.protocol import ANY_FILE, AgentUnreadable, CommandLog, Cursor, FilePolicy, PollResult, Ticket
from controller.agents.sources import AgentSourcePlugin, InvalidSource, SourceContext
from controller.jsontypes import Json

TRIES = 5
"""How often a read is tried while the writer holds the file, each time for `BUSY_SECONDS`."""


class OperatorDb:
    """Implements `AgentSource`. `zone` is that of the agent's naive times, `now` our clock, UTC.

    `policy` says which files may be read.
    """

    def __init__(self, path: Path, zone: tzinfo, now: Callable[[], datetime], policy: FilePolicy = ANY_FILE) -> None:
        self._path = path
        self._zone = zone
        self._now = now
        self._policy = policy
        self._reader = FileReader()
        # It has a thread of its own, so that a slow file delays no other work.
        self._thread = ThreadPoolExecutor(1, "operator-db")
        weakref.finalize(self, _end, self._thread, self._reader)

    async def refusal(self) -> str | None:
        """Returns why this file may never be read; None where it may, or does not exist yet. Raises AgentUnreadable."""
        reason: str | None = await self._ask(FileQuery("refusal", str(self._path), self._now(), policy=self._policy))
        return reason

    async def current_cursor(self) -> Cursor:
        """See the protocol. A missing file counts as empty."""
        answer, _ = await self._read("cursor")
        return cursor_from_json(answer)

    async def poll(self, cursor: Cursor) -> PollResult:
        """See the protocol. `at` is just before the file was read."""
        try:
            answer, at = await self._read("tickets", cursor)
            return PollResult(at, tickets_from_json(answer))
        except AgentUnreadable as error:
            return PollResult(self._now(), error=str(error))

    async def read_commands(self, cursor: Cursor, tickets: Sequence[Ticket]) -> CommandLog:
        """See the protocol."""
        answer, _ = await self._read("commands", cursor, [ticket.id for ticket in tickets])
        return log_from_json(answer)

    async def close(self) -> None:
        """Ends the process. A later query starts another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._reader.close)

    async def _read(
        self, about: str, cursor: Cursor | None = None, tickets: Sequence[str] = ()
    ) -> tuple[Json, datetime]:
        for left in reversed(range(TRIES)):
            at = self._now()
            zone = str(self._zone)
            query = FileQuery(about, str(self._path), at, zone, cursor, tuple(tickets), self._policy)
            try:
                return await self._ask(query), at
            except Locked:
                if not left:
                    raise
        raise AssertionError

    async def _ask(self, query: FileQuery) -> Json:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._reader.ask, query)


def _end(thread: ThreadPoolExecutor, reader: FileReader) -> None:
    thread.shutdown(wait=False)
    reader.close()


class OperatorDbOptions(BaseModel):
    """`path` is the file as the controller sees it; `time_zone` is that of times without a zone."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    path: str = Field(min_length=1, max_length=1024)
    time_zone: str = "UTC"


async def _open(options: OperatorDbOptions, context: SourceContext) -> OperatorDb:
    try:
        zone = zone_of(options.time_zone)
    except NoSuchZone as none:
        raise InvalidSource(f"agent.timeZone {none}") from None
    if context.files is None:
        raise InvalidSource(
            f"agent.path {options.path} is not read: EVALCAMPAIGN_AGENT_FILES, the folder below which agents' files may"
            " lie, is not set where this controller runs; let `evalcampaign forward` send the file, with"
            " agent.source http"
        )
    source = OperatorDb(Path(options.path), zone, context.now, context.files)
    try:
        refusal = await source.refusal()
    except AgentUnreadable:
        return source  # every poll reports it, until the file can be read
    finally:
        await source.close()  # a campaign that is queued needs no process; the first poll starts one
    if refusal is not None:
        raise InvalidSource(f"agent.path {refusal}")
    return source


OPERATOR_DB = AgentSourcePlugin(OperatorDbOptions, _open)
"""The entry point `operatorDb`."""
