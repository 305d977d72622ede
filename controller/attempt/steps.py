"""The frame of an attempt's steps: what is committed when one begins, how long it may take, and what is said meanwhile.

The record goes first: a step is committed, with all that was learned before it, ahead of what it does. Once a fault is
in place, though, its plan is on record, and nothing that cannot be written may keep it there: what was learned waits
for room then, and the attempt goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar, Unpack

from controller.api import Current, Failure, Step
from controller.attempt.outcome import AttemptFailed
from controller.records import AttemptRow, Event, Facts, Records
from subjects.retry import retry_until_reachable

T = TypeVar("T")

MESSAGE_LENGTH = 512

RECORD_WAIT_SECONDS = 2.0
"""How long a record that cannot be written holds up an attempt whose fault is in place; the next one does not."""


class StepFailed(AttemptFailed):
    """A step could not be done; the text goes into the record."""


class StepRunner:
    """Belongs to one attempt. `report` is told what is being done, for the status."""

    def __init__(
        self, row: AttemptRow, records: Records, now: Callable[[], datetime], report: Callable[[Current], None]
    ) -> None:
        self._row = row
        self._records = records
        self._now = now
        self._report = report
        self._facts: Facts = {}
        self._events: list[Event] = []
        self._fault_in_place = False
        self._writing: asyncio.Task[None] | None = None
        self._current = Current(trial=row.trial, attempt=row.attempt, step=Step.RESET, since=now())

    @property
    def message(self) -> str:
        """What is waited for, as it was said last."""
        return self._current.message

    def record(self, **facts: Unpack[Facts]) -> None:
        """Keep facts that are not committed yet: the next step takes them along."""
        self._facts |= facts

    def record_events(self, events: Sequence[Event]) -> None:
        """Keep events, likewise."""
        self._events += events

    async def commit(self, **facts: Unpack[Facts]) -> None:
        """Commit facts now, within the step."""
        await self._records.update(self._row.id, at=self._now(), **facts)

    @asynccontextmanager
    async def step(self, step: Step, limit_seconds: float) -> AsyncIterator[None]:
        """Commit that the step begins, then give it its time."""
        await self.begin(step, self._now() + timedelta(seconds=limit_seconds))
        async with self.time_limit(limit_seconds, step):
            yield

    @asynccontextmanager
    async def time_limit(self, limit_seconds: float | None, what: str) -> AsyncIterator[None]:
        """Give it its time. StepFailed, with what was waited for, when that is over."""
        try:
            async with asyncio.timeout(limit_seconds) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            why = f": {self.message}" if self.message else ""
            raise StepFailed(Failure.TIMED_OUT, f"{what} was not done within {limit_seconds:g} s{why}") from None

    def stop_waiting_for_records(self) -> None:
        """The fault may be in place from now on: records that cannot be written hold up nothing any more."""
        self._fault_in_place = True

    async def begin(self, step: Step, deadline: datetime | None = None) -> None:
        """Commit the step with everything learned so far, and say so."""
        (facts, self._facts), (events, self._events) = (self._facts, {}), (self._events, [])
        update = self._records.update(self._row.id, at=self._now(), step=step, events=events, **facts)
        earlier, self._writing = self._writing, asyncio.create_task(_after(self._writing, update))
        if not self._fault_in_place:
            await self._writing
        elif earlier is None or earlier.done():
            await asyncio.wait([self._writing], timeout=RECORD_WAIT_SECONDS)
        self.report_step(step, deadline)

    async def flush(self) -> None:
        """Return when every step that was entered is on record."""
        if self._writing is not None:
            await self._writing

    def close(self) -> None:
        """Write no more; where `written` has returned, nothing is lost by it."""
        if self._writing is not None:
            self._writing.cancel()

    def report_step(self, step: Step, deadline: datetime | None = None) -> None:
        """Say what is being done, without a commit."""
        entered = {"step": step, "since": self._now(), "deadline": deadline, "message": ""}
        self._current = self._current.model_copy(update=entered)
        self._report(self._current)

    async def retry_until_reachable(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until the API server is there; only for what may be asked twice. The step's limit ends it."""
        return await retry_until_reachable(ask, self.report_progress)

    def report_progress(self, message: str) -> None:
        """Say why we wait. Every time, also where nothing changed: who speaks is alive."""
        message = message[:MESSAGE_LENGTH]
        if message != self._current.message:
            self._current = self._current.model_copy(update={"message": message})
        self._report(self._current)


async def _after(earlier: asyncio.Task[None] | None, write: Coroutine[Any, Any, None]) -> None:
    """Write after an earlier write, whatever became of that: steps are recorded in their order."""
    try:
        if earlier is not None:
            await asyncio.wait([earlier])
    except asyncio.CancelledError:
        write.close()
        raise
    await write
