"""The agent's part in an attempt: it is started before, followed while the subject is observed, and stopped after.

Two things are followed: its work, where the campaign names a source, and its pod, where the campaign names a
Deployment. The methods for one that is missing do nothing, so an attempt need not check.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from controller.agents.deployment import AgentDeployment, AgentWatcher, stop_agent
from controller.agents.exposure import Exposure
from controller.agents.matching import TicketMatch, update_match
from controller.agents.protocol import AgentSource, AgentUnreadable, CommandLog, Cursor
from controller.api import Failure, Mode, Outcome
from controller.attempt.observation import NO_PROGRESS, AgentProgress
from controller.attempt.outcome import AttemptFailed
from controller.records.rows import AttemptFields, Flag
from subjects.cluster import ClusterError
from subjects.retry import retry_until_reachable

POLL_SECONDS = 0.5
"""How often the agent's source is polled: a ticket is seen within that time of its arrival."""

PRESENCE_TOLERANCE = timedelta(seconds=2)
"""How long before the end of an observation the agent's pod may last have been seen, to count as there to the end."""


class AgentAbsent(AttemptFailed):
    """The agent could not be started, could not be read, or was ended by others; the text goes into the record."""


class AgentSession:
    """Belongs to one attempt. `subject` is `type/namespace`, by which tickets may name it.

    `find_exposure` returns what the agent may read of the evaluation.
    """

    def __init__(
        self,
        mode: Mode,
        source: AgentSource | None,
        deployment: AgentDeployment | None,
        subject: str,
        now: Callable[[], datetime],
        find_exposure: Callable[[], Awaitable[Exposure | None]] | None = None,
    ) -> None:
        self._mode = mode
        self._source = source
        self._deployment = deployment
        self._subject = subject
        self._now = now
        self._find_exposure = find_exposure
        self._exposure: Exposure | None = None
        self._watcher: AgentWatcher | None = None
        self._cursor: Cursor | None = None
        self._match: TicketMatch | None = None

    # Its pod ---------------------------------------------------------------------------------------------------------

    @property
    def has_deployment(self) -> bool:
        """Returns whether there is an agent to start, or to keep away."""
        return self._deployment is not None

    async def start(self, on_wait: Callable[[str], None]) -> None:
        """Returns when a fresh agent is Ready; in a baseline, when none runs. Raises AgentAbsent on a refusal."""
        if self._deployment is None:
            return
        if self._find_exposure is not None:
            # Before the agent starts, because later every second adds to its wait.
            self._exposure = await self._find_exposure()
        pod = None
        try:
            if self._mode.wants_agent:
                pod = await self._deployment.start(on_wait)
            else:
                await self._deployment.stop(on_wait)
            self._watcher = AgentWatcher(self._deployment, pod, self._now)
        except ClusterError as error:
            text = f"{Failure.AGENT_NOT_STARTED}: {self._deployment.title}: {error}"
            raise AgentAbsent(Failure.AGENT_NOT_STARTED, text) from error

    async def stop(self, limit_seconds: float, on_wait: Callable[[str], None]) -> str | None:
        """Stops the agent. Returns why it could not be stopped, or None: the subject is not affected by that."""
        return await stop_agent(self._deployment, limit_seconds, on_wait)

    @asynccontextmanager
    async def watching_pod(self) -> AsyncIterator[None]:
        """Watches the agent's pod, or that there is none, for as long as the block lasts."""
        if self._watcher is None:
            yield
            return
        async with _in_background(self._watcher.watch()):
            yield

    def require_running(self) -> None:
        """Raises AgentAbsent where others have ended the agent."""
        if self._watcher is not None and (why := self._watcher.state.lost) is not None:
            assert self._deployment is not None, "it was there"
            text = f"{Failure.AGENT_LOST}: {self._deployment.title}: {why}"
            raise AgentAbsent(Failure.AGENT_LOST, text)

    async def require_running_until(self, end: datetime, limit_seconds: float) -> None:
        """Raises AgentAbsent unless the agent is known to have run until `end`.

        A request that gets no answer is repeated for `limit_seconds`.
        """
        watcher = self._watcher
        if watcher is None or not self._mode.wants_agent:
            return

        async def check() -> str | None:
            await watcher.check()
            self.require_running()
            return watcher.state.error

        await _poll_until_known(lambda: watcher.state.seen_at >= end - PRESENCE_TOLERANCE, check, limit_seconds)

    @property
    def exited(self) -> str | None:
        """Returns how the agent ended by itself the first time; None where it did not."""
        return None if self._watcher is None else self._watcher.state.exited

    # Its work --------------------------------------------------------------------------------------------------------

    async def read_cursor(self, on_wait: Callable[[str], None]) -> Cursor | None:
        """Returns where the agent's work of this attempt begins; the same at every call. None without a source.

        Repeated until the source can be read; the step limits it.
        """
        if self._source is not None and self._cursor is None:
            self._cursor = await retry_until_reachable(
                self._source.current_cursor, on_wait, POLL_SECONDS, unreachable=AgentUnreadable
            )
        return self._cursor

    async def collect_false_alarms(self, on_wait: Callable[[str], None]) -> None:
        """Polls what came after the cursor, before the fault is injected: such tickets never count as a detection.

        Repeated until the source can be read; the step limits it.
        """
        if self._source is None or self._cursor is None:
            return
        self._match = TicketMatch(None, self._subject)
        await self._poll()
        while self._match.error is not None:
            on_wait(self._match.error)
            await asyncio.sleep(POLL_SECONDS)
            await self._poll()

    @asynccontextmanager
    async def polling_source(self, opened_at: datetime) -> AsyncIterator[None]:
        """Polls the source for as long as the block lasts. `opened_at`: since when there is a fault to find (UTC)."""
        if self._source is None or self._cursor is None:
            yield
            return
        before = self._match or TicketMatch(None, self._subject, polled_at=self._cursor.at)
        self._match = replace(before, opened_at=opened_at)
        async with _in_background(self._poll_repeatedly()):
            yield

    async def _poll_repeatedly(self) -> None:
        while True:
            await self._poll()
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        assert self._source is not None and self._cursor is not None and self._match is not None
        report = await self._source.poll(self._cursor)
        self._match = update_match(self._match, report)

    @property
    def progress(self) -> AgentProgress:
        """Returns what the agent has done so far, by its source."""
        if self._match is None:
            return NO_PROGRESS
        return AgentProgress(self._match.ticket_at, self._match.resolution_at, self._match.polled_at)

    async def poll_until(self, deadline: datetime, limit_seconds: float) -> None:
        """Polls again, so that it is known what the source held at the deadline.

        Raises AgentAbsent where it cannot be read for `limit_seconds`: whether there was a ticket is unknown then.
        """
        if self._source is None or self._match is None:
            return

        def known() -> bool:
            polled_at = self._match.polled_at if self._match is not None else None
            return polled_at is not None and polled_at >= min(deadline, self._now())

        async def poll() -> str | None:
            await self._poll()
            return self._match.error if self._match is not None else None

        await _poll_until_known(known, poll, limit_seconds)

    async def read_commands(self) -> CommandLog | None:
        """Returns what the agent ran; None without a source.

        An unreadable source is logged, and the attempt counts all the same.
        """
        if self._source is None or self._cursor is None or self._match is None:
            return None
        try:
            return await self._source.read_commands(self._cursor, self._match.tickets)
        except AgentUnreadable as unreadable:
            return CommandLog(complete=False, reason=str(unreadable))

    # The record ------------------------------------------------------------------------------------------------------

    def record_fields(self) -> AttemptFields:
        """The agent's times and the number of false alarms, as the record keeps them."""
        if self._match is None:
            return {}
        return {
            "ticket_created_at": self._match.ticket_created_at,
            "ticket_seen_at": self._match.ticket_seen_at,
            "resolved_at": self._match.resolved_at,
            "resolution_seen_at": self._match.resolution_seen_at,
            "false_alarms": self._match.false_alarms,
        }

    def flags(self, outcome: Outcome, log: CommandLog | None, degraded: bool) -> list[Flag]:
        """The flags that qualify the outcome. `degraded`: the subject was not healthy throughout the observation."""
        flags = set(self._match.flags) if self._match is not None else set()
        intruder = self._watcher is not None and self._watcher.state.intruder is not None
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
        if self._exposure is not None:
            flags |= self._exposure.flags
        return sorted(flags)


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` as a task, which is cancelled at the end of the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _poll_until_known(
    known: Callable[[], bool], poll: Callable[[], Awaitable[str | None]], limit_seconds: float
) -> None:
    """Polls until `known`, or until a poll succeeded. `poll` returns the error, if there was one.

    Raises AgentAbsent with the last error after `limit_seconds`.
    """
    give_up_at = asyncio.get_running_loop().time() + limit_seconds
    while not known():
        if (error := await poll()) is None:
            return
        if asyncio.get_running_loop().time() > give_up_at:
            raise AgentAbsent(Failure.AGENT_SIGHT_LOST, f"{Failure.AGENT_SIGHT_LOST}: {error}")
        await asyncio.sleep(POLL_SECONDS)
