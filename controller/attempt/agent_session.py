"""The agent's part in an attempt: started before it, watched while the subject is, gone afterwards.

Two things are watched of it: its work, where a source is named, and its pod, where it is ours to start.

Where there is no agent to look at, or none to start, nothing happens: an attempt need not ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from controller.agents.deployment import AgentDeployment, AgentWatcher, stop_agent
from controller.agents.matching import TicketMatch, update_match
from controller.agents.protocol import AgentSource, AgentUnreadable, CommandLog, Cursor
from controller.agents.rights import Exposure
from controller.api import Failure, Mode, Outcome
from controller.attempt.observation import NO_PROGRESS, AgentProgress
from controller.attempt.outcome import AttemptFailed
from controller.records.rows import Facts, Flag
from subjects.cluster import ClusterError
from subjects.retry import retry_until_reachable

POLL_SECONDS = 0.5
"""How often the agent's source is looked at. A ticket is seen within that time of its arrival."""

PRESENCE_TOLERANCE = timedelta(seconds=2)
"""So long before the end of an observation the agent's pod may have been seen last, and count as there until then."""


class AgentAbsent(AttemptFailed):
    """The agent cannot be started, its work cannot be seen, or others ended it; the text goes into the record."""


class AgentSession:
    """Belongs to one attempt. `subject` is `type/namespace`, by which tickets may name it.

    `exposure` finds out what the agent may read of the evaluation.
    """

    def __init__(
        self,
        mode: Mode,
        source: AgentSource | None,
        workload: AgentDeployment | None,
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
        self._cursor: Cursor | None = None
        self._ticket_match: TicketMatch | None = None
        self._presence: AgentWatcher | None = None

    # Before and after ------------------------------------------------------------------------------------------------

    @property
    def has_deployment(self) -> bool:
        """Whether there is an agent to start, or to keep away."""
        return self._workload is not None

    async def start(self, on_wait: Callable[[str], None]) -> None:
        """A fresh agent, Ready; in a baseline, none. Raises AgentAbsent where the API server refuses."""
        if self._workload is None:
            return
        if self._exposure is not None:
            # Before the agent is there: from then on every second of its waiting counts.
            self._exposed = await self._exposure()
        pod = None
        try:
            if self._mode.wants_agent:
                pod = await self._workload.start(on_wait)
            else:
                await self._workload.stop(on_wait)
            self._presence = AgentWatcher(self._workload, pod, self._now)
        except ClusterError as error:
            text = f"{Failure.AGENT_NOT_STARTED}: {self._workload.title}: {error}"
            raise AgentAbsent(Failure.AGENT_NOT_STARTED, text) from error

    async def stop(self, limit_seconds: float, on_wait: Callable[[str], None]) -> str | None:
        """No agent any more. Returns why not, if so: that is no fault of ours in the subject, and is only said."""
        return await stop_agent(self._workload, limit_seconds, on_wait)

    # Whether it is there ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def watching_pod(self) -> AsyncIterator[None]:
        """Watch the agent's pod, or that there is none, for as long as the block lasts."""
        if self._presence is None:
            yield
            return
        async with _in_background(self._presence.watch()):
            yield

    def require_running(self) -> None:
        """Raise AgentAbsent where others have ended the agent."""
        if self._presence is not None and (why := self._presence.state.lost) is not None:
            assert self._workload is not None, "it was there"
            text = f"{Failure.AGENT_LOST}: {self._workload.title}: {why}"
            raise AgentAbsent(Failure.AGENT_LOST, text)

    async def require_running_until(self, end: datetime, limit_seconds: float) -> None:
        """Raise AgentAbsent unless the agent is known to have been there until `end`: others ended it, or nobody knows.

        Where the API server does not answer, it is asked for so many seconds more.
        """
        presence = self._presence
        if presence is None or not self._mode.wants_agent:
            return

        async def poll() -> str | None:
            await presence.check()
            self.require_running()
            return presence.state.trouble

        await _poll_until_known(lambda: presence.state.seen_at >= end - PRESENCE_TOLERANCE, poll, limit_seconds)

    @property
    def exited(self) -> str | None:
        """How the agent ended by itself, the first time, if it did."""
        return None if self._presence is None else self._presence.state.exited

    # While the subject is watched ------------------------------------------------------------------------------------

    async def read_cursor(self, on_wait: Callable[[str], None]) -> Cursor | None:
        """What there is of the agent's work by now; asked until it can be read. The step's limit ends it.

        None where no source is looked at.
        """
        if self._source is not None and self._cursor is None:
            self._cursor = await retry_until_reachable(
                self._source.current_cursor, on_wait, POLL_SECONDS, unreachable=AgentUnreadable
            )
        return self._cursor

    async def collect_false_alarms(self, on_wait: Callable[[str], None]) -> None:
        """Look at what came since the mark, as long as there is nothing to find: false alarms, and never the detection.

        Asked until it can be read; the step's limit ends it.
        """
        if self._source is None or self._cursor is None:
            return
        self._ticket_match = TicketMatch(None, self._subject)
        await self._poll()
        while self._ticket_match.trouble is not None:
            on_wait(self._ticket_match.trouble)
            await asyncio.sleep(POLL_SECONDS)
            await self._poll()

    @asynccontextmanager
    async def polling_source(self, opened_at: datetime) -> AsyncIterator[None]:
        """Look at the source for as long as the block lasts. `opened_at`: from when there is something to find."""
        if self._source is None or self._cursor is None:
            yield
            return
        before = self._ticket_match or TicketMatch(None, self._subject, polled_at=self._cursor.at)
        self._ticket_match = replace(before, opened_at=opened_at)
        async with _in_background(self._poll_repeatedly()):
            yield

    async def _poll_repeatedly(self) -> None:
        while True:
            await self._poll()
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        assert self._source is not None and self._cursor is not None and self._ticket_match is not None
        report = await self._source.poll(self._cursor)
        self._ticket_match = update_match(self._ticket_match, report)

    @property
    def progress(self) -> AgentProgress:
        """What was seen so far."""
        if self._ticket_match is None:
            return NO_PROGRESS
        match = self._ticket_match
        return AgentProgress(match.ticket_at, match.resolution_at, match.polled_at)

    async def poll_until(self, deadline: datetime, limit_seconds: float) -> None:
        """Look once more, so that it is known what was there by the deadline.

        Raises AgentAbsent where that cannot be seen: whether there was a ticket is then unknown, not no.
        """
        if self._source is None or self._ticket_match is None:
            return

        def known() -> bool:
            looked_at = self._ticket_match.polled_at if self._ticket_match is not None else None
            return looked_at is not None and looked_at >= min(deadline, self._now())

        async def poll() -> str | None:
            await self._poll()
            return self._ticket_match.trouble if self._ticket_match is not None else None

        await _poll_until_known(known, poll, limit_seconds)

    async def read_commands(self) -> CommandLog | None:
        """What the agent ran; None where no agent is looked at.

        Where that cannot be read, the log says so; the attempt counts all the same.
        """
        if self._source is None or self._cursor is None or self._ticket_match is None:
            return None
        try:
            return await self._source.read_commands(self._cursor, self._ticket_match.tickets)
        except AgentUnreadable as away:
            return CommandLog(complete=False, why=str(away))

    # For the record --------------------------------------------------------------------------------------------------

    def record_fields(self) -> Facts:
        """The times that the record keeps, and how many false alarms there were."""
        if self._ticket_match is None:
            return {}
        return {
            "ticket_created_at": self._ticket_match.ticket_created_at,
            "ticket_seen_at": self._ticket_match.ticket_seen_at,
            "resolved_at": self._ticket_match.resolved_at,
            "resolution_seen_at": self._ticket_match.resolution_seen_at,
            "false_alarms": self._ticket_match.false_alarms,
        }

    def flags(self, outcome: Outcome, log: CommandLog | None, degraded: bool) -> list[Flag]:
        """What is to be known beside the outcome. `degraded`: the subject was not healthy throughout."""
        flags = set(self._ticket_match.flags) if self._ticket_match is not None else set()
        intruder = self._presence is not None and self._presence.state.intruder is not None
        if self._mode is Mode.BASELINE and (self.progress.ticket_at is not None or intruder):
            flags.add(Flag.CONTAMINATED)
        if self.exited is not None:
            flags.add(Flag.AGENT_EXITED)
        if outcome is Outcome.RESOLVED and log is not None and not any(each.mutating for each in log.commands):
            flags.add(Flag.NO_MUTATING_COMMAND)
        if log is not None and not log.complete:
            flags.add(Flag.COMMANDS_INCOMPLETE)
        if self._mode is Mode.CONTROL and degraded:
            flags.add(Flag.SUBJECT_DISTURBED)
        if self._exposed is not None:
            flags |= self._exposed.flags
        return sorted(flags)


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do `work` for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _poll_until_known(
    known: Callable[[], bool], poll: Callable[[], Awaitable[str | None]], limit_seconds: float
) -> None:
    """Look until it is known, or until a look met no trouble. `look` returns the trouble that it met.

    Raises AgentAbsent with the last trouble once that has taken `limit_seconds`.
    """
    give_up = asyncio.get_running_loop().time() + limit_seconds
    while not known():
        if (trouble := await poll()) is None:
            return
        if asyncio.get_running_loop().time() > give_up:
            raise AgentAbsent(Failure.AGENT_SIGHT_LOST, f"{Failure.AGENT_SIGHT_LOST}: {trouble}")
        await asyncio.sleep(POLL_SECONDS)
