"""Runs the steps of an attempt: commits each one before it begins, limits its time, and reports its progress.

A step is committed together with everything that was recorded before it. Once a fault may be in place its plan is on
record, and then a database that cannot be written must not keep the fault there: what was recorded waits until it can
be written, and the attempt goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar, Unpack

from controller.api import CurrentAttempt, Failure, Step
from controller.attempt.outcome import AttemptFailed
from controller.records import AttemptFields, AttemptRow, Event, Records
from subjects.retry import retry_until_reachable

T = TypeVar("T")

MESSAGE_LENGTH = 512
"""The longest progress message, in characters."""

RECORD_WAIT_SECONDS = 2.0
"""How long an attempt whose fault may be in place waits for the first write that fails; for later ones, not at all."""


class StepFailed(AttemptFailed):
    """A step could not be done; the text goes into the record."""


class StepRunner:
    """Runs the steps of one attempt. `report` receives what is being done, for the campaign's status."""

    def __init__(
        self, row: AttemptRow, records: Records, now: Callable[[], datetime], report: Callable[[CurrentAttempt], None]
    ) -> None:
        self._row = row
        self._records = records
        self._now = now
        self._report = report
        self._facts: AttemptFields = {}
        self._events: list[Event] = []
        self._record_waits_limited = False
        self._writing: asyncio.Task[None] | None = None
        self._current = CurrentAttempt(trial=row.trial, attempt=row.attempt, step=Step.RESET, since=now())

    # Records ---------------------------------------------------------------------------------------------------------

    def record(self, **facts: Unpack[AttemptFields]) -> None:
        """Keeps facts for the record; the next step commits them."""
        self._facts |= facts

    def record_events(self, events: Sequence[Event]) -> None:
        """Keeps events for the record's timeline; the next step commits them."""
        self._events += events

    async def commit(self, **facts: Unpack[AttemptFields]) -> None:
        """Commits facts now, within the current step."""
        await self._records.update(self._row.id, at=self._now(), **facts)

    def limit_record_waits(self) -> None:
        """From now on, steps begin although the database cannot be written: the fault may be in place."""
        self._record_waits_limited = True

    async def flush(self) -> None:
        """Returns when every step that has begun is on record."""
        if self._writing is not None:
            await self._writing

    def close(self) -> None:
        """Cancels what is still to be written; nothing is, once `flush` has returned."""
        if self._writing is not None:
            self._writing.cancel()

    # Steps -----------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def step(self, step: Step, limit_seconds: float) -> AsyncIterator[None]:
        """Begins the step and limits the block's time. Raises StepFailed when that is over."""
        await self.begin(step, self._now() + timedelta(seconds=limit_seconds))
        async with self.time_limit(limit_seconds, step):
            yield

    async def begin(self, step: Step, deadline: datetime | None = None) -> None:
        """Commits the step, with everything recorded so far, and reports it."""
        (facts, self._facts), (events, self._events) = (self._facts, {}), (self._events, [])
        update = self._records.update(self._row.id, at=self._now(), step=step, events=events, **facts)
        earlier, self._writing = self._writing, asyncio.create_task(_write_after(self._writing, update))
        if not self._record_waits_limited:
            await self._writing
        elif earlier is None or earlier.done():
            await asyncio.wait([self._writing], timeout=RECORD_WAIT_SECONDS)
        self.report_step(step, deadline)

    @asynccontextmanager
    async def time_limit(self, limit_seconds: float | None, what: str) -> AsyncIterator[None]:
        """Limits the block's time; None is no limit. Raises StepFailed, with the last progress message."""
        try:
            async with asyncio.timeout(limit_seconds) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            why = f": {self.message}" if self.message else ""
            raise StepFailed(Failure.TIMED_OUT, f"{what} was not done within {limit_seconds:g} s{why}") from None

    async def retry_until_reachable(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeats a call until the API server answers; only for calls that may be made twice. The step limits it."""
        return await retry_until_reachable(call, self.report_progress)

    # The campaign's status -------------------------------------------------------------------------------------------

    @property
    def message(self) -> str:
        """The last progress message of the current step."""
        return self._current.message

    def report_step(self, step: Step, deadline: datetime | None = None) -> None:
        """Reports that a step begins, without a commit."""
        begun = {"step": step, "since": self._now(), "deadline": deadline, "message": ""}
        self._current = self._current.model_copy(update=begun)
        self._report(self._current)

    def report_progress(self, message: str) -> None:
        """Reports what the step waits for. An unchanged message is reported too: it shows that the attempt is alive."""
        message = message[:MESSAGE_LENGTH]
        if message != self._current.message:
            self._current = self._current.model_copy(update={"message": message})
        self._report(self._current)


async def _write_after(earlier: asyncio.Task[None] | None, write: Coroutine[Any, Any, None]) -> None:
    """Writes once an earlier write is over, even if that failed: steps are recorded in order."""
    try:
        if earlier is not None:
            await asyncio.wait([earlier])
    except asyncio.CancelledError:
        write.close()
        raise
    await write
