"""The agent's part in an attempt: started before it, looked at while the subject is, gone afterwards.

Where there is no agent to look at, or none to start, nothing happens: an attempt need not ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from controller.agents.matching import Sighting, fold
from controller.agents.protocol import AgentSource, AgentUnreadable, CommandLog, Mark
from controller.agents.rights import Exposure
from controller.agents.workload import Workload, send_away
from controller.api import Failure, Mode, Outcome
from controller.attempt.failures import AttemptFailed
from controller.attempt.observation import NO_WORK, Work
from controller.records.flags import Flag
from controller.records.rows import Facts
from subjects.cluster import ClusterError

LOOK_SECONDS = 0.5
"""How often the agent's source is looked at. A ticket is seen within that time of its arrival."""


class AgentAbsent(AttemptFailed):
    """The agent cannot be started, or its work cannot be seen; the text goes into the record."""


class Attendance:
    """Belongs to one attempt. `subject` is `type/namespace`, by which tickets may name it.

    `exposure` finds out what the agent may read of the evaluation.
    """

    def __init__(
        self,
        mode: Mode,
        source: AgentSource | None,
        workload: Workload | None,
        subject: str,
        now: Callable[[], datetime],
        exposure: Callable[[], Awaitable[Exposure | None]] | None = None,
    ) -> None:
        self._exposure = exposure
        self._exposed: Exposure | None = None
        self._mode = mode
        self._source = source
        self._workload = workload
        self._subject = subject
        self._now = now
        self._mark: Mark | None = None
        self._seen: Sighting | None = None

    # Before and after ------------------------------------------------------------------------------------------------

    @property
    def has_workload(self) -> bool:
        """Whether there is an agent to start, or to keep away."""
        return self._workload is not None

    async def arrive(self, say: Callable[[str], None]) -> None:
        """A fresh agent, Ready; in a baseline, none. Raises AgentAbsent where the API server refuses."""
        if self._workload is None:
            return
        if self._exposure is not None:
            # Before the agent is there: from then on every second of its waiting counts.
            self._exposed = await self._exposure()
        try:
            await (self._workload.start(say) if self._mode.wants_agent else self._workload.stop(say))
        except ClusterError as error:
            text = f"{Failure.AGENT_NOT_STARTED}: {self._workload.title}: {error}"
            raise AgentAbsent(Failure.AGENT_NOT_STARTED, text) from error

    async def leave(self, limit_seconds: float, say: Callable[[str], None]) -> str | None:
        """No agent any more. Returns why not, if so: that is no fault of ours in the subject, and is only said."""
        return await send_away(self._workload, limit_seconds, say)

    # While the subject is watched ------------------------------------------------------------------------------------

    async def mark(self, say: Callable[[str], None]) -> Mark | None:
        """What there is of the agent's work before the injection; asked until it can be read. The step's limit ends it.

        None where no source is looked at.
        """
        while self._source is not None and self._mark is None:
            try:
                self._mark = await self._source.mark()
            except AgentUnreadable as away:
                say(str(away))
                await asyncio.sleep(LOOK_SECONDS)
        return self._mark

    @asynccontextmanager
    async def watching(self, opened_at: datetime) -> AsyncIterator[None]:
        """Look at the source for as long as the block lasts. `opened_at`: from when there is something to find."""
        if self._source is None or self._mark is None:
            yield
            return
        self._seen = Sighting(opened_at, self._subject, looked_at=self._mark.at)
        looking = asyncio.create_task(self._look_again_and_again())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _look_again_and_again(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        assert self._source is not None and self._mark is not None and self._seen is not None
        report = await self._source.look(self._mark)
        self._seen = fold(self._seen, report)

    @property
    def work(self) -> Work:
        """What was seen so far."""
        if self._seen is None:
            return NO_WORK
        return Work(self._seen.ticket_at, self._seen.resolution_at, self._seen.looked_at)

    async def last_look(self, deadline: datetime, limit_seconds: float) -> None:
        """Look once more, so that it is known what was there by the deadline.

        Raises AgentAbsent where that cannot be seen: whether there was a ticket is then unknown, not no.
        """
        if self._source is None or self._seen is None:
            return
        give_up = asyncio.get_running_loop().time() + limit_seconds
        while self._seen.looked_at is None or self._seen.looked_at < min(deadline, self._now()):
            await self._look()
            if self._seen.trouble is None:
                return
            if asyncio.get_running_loop().time() > give_up:
                text = f"{Failure.AGENT_SIGHT_LOST}: {self._seen.trouble}"
                raise AgentAbsent(Failure.AGENT_SIGHT_LOST, text)
            await asyncio.sleep(LOOK_SECONDS)

    async def read_commands(self) -> CommandLog | None:
        """What the agent ran; None where no agent is looked at.

        Where that cannot be read, the log says so; the attempt counts all the same.
        """
        if self._source is None or self._mark is None or self._seen is None:
            return None
        try:
            return await self._source.commands(self._mark, self._seen.tickets)
        except AgentUnreadable as away:
            return CommandLog(complete=False, why=str(away))

    # For the record --------------------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """The times that the record keeps."""
        if self._seen is None:
            return {}
        return {
            "ticket_created_at": self._seen.ticket_created_at,
            "ticket_seen_at": self._seen.ticket_seen_at,
            "resolved_at": self._seen.resolved_at,
            "resolution_seen_at": self._seen.resolution_seen_at,
        }

    def flags(self, outcome: Outcome, log: CommandLog | None, unwell: bool) -> list[Flag]:
        """What is to be known beside the outcome. `unwell`: the subject was not whole throughout."""
        flags = set(self._seen.flags) if self._seen is not None else set()
        if self._mode is Mode.BASELINE and self.work.ticket_at is not None:
            flags.add(Flag.CONTAMINATED)
        if outcome is Outcome.RESOLVED and log is not None and not any(each.mutating for each in log.commands):
            flags.add(Flag.NO_MUTATING_COMMAND)
        if log is not None and not log.complete:
            flags.add(Flag.COMMANDS_INCOMPLETE)
        if self._mode is Mode.CONTROL and unwell:
            flags.add(Flag.SUBJECT_DISTURBED)
        if self._exposed is not None:
            flags |= self._exposed.flags
        return sorted(flags)
