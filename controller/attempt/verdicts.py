"""The oracle's verdicts: as a stream without gaps while an attempt runs, and as the changes that its record keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime

from controller.api import Step
from controller.attempt.observation import MAX_VERDICT_GAP
from controller.records.rows import Event
from subjects.health import HealthyPeriod, extend
from subjects.protocol import EvalSubject, Problem, Verdict

MAX_CHANGES = 500
"""The most changes that a record keeps, so that a flapping subject cannot fill the disk; the last entry says so."""


class VerdictQueue:
    """A queue of verdicts, in order. The stream adds an unknown verdict when none comes in time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._queue: asyncio.Queue[Verdict | Exception] = asyncio.Queue()

    async def next(self) -> Verdict:
        """Returns the next verdict; after two seconds without one, an unknown verdict. Raises what broke the oracle."""
        try:
            # Not wait_for: up to Python 3.11 it loses a cancellation that comes together with a verdict.
            async with asyncio.timeout(MAX_VERDICT_GAP.total_seconds()):
                verdict = await self._queue.get()
        except TimeoutError:
            silence = Problem("OracleSilent", "the oracle said nothing for two seconds")
            return Verdict(self._now(), serving=None, healthy=None, problems=(silence,))
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    async def newest(self) -> Verdict:
        """Returns the newest verdict in the queue, or the next one if there is none; drops the older ones."""
        verdict = await self.next()
        while not self._queue.empty():
            verdict = await self.next()
        return verdict

    async def wait_until_healthy(self, settle_seconds: float, on_verdict: Callable[[Verdict], None]) -> None:
        """Returns once the subject is healthy. If it is not at first, it must be so for `settle_seconds` on end.

        Nothing is known when a stream begins, so its first known verdict is waited for. `on_verdict` receives the
        verdicts that are not enough. There is no limit: the caller sets one.
        """
        while not (verdict := await self.newest()).known:
            on_verdict(verdict)
        settled: HealthyPeriod | None = None
        while verdict.healthy is not True or (settled is not None and settled.seconds < settle_seconds):
            on_verdict(verdict)
            verdict = await self.next()
            settled = extend(settled, verdict)

    async def read_from(self, subject: EvalSubject) -> None:
        """Puts the subject's verdicts into the queue until cancelled; an exception of the oracle becomes its end."""
        try:
            async with aclosing(subject.watch_health()) as verdicts:
                async for verdict in verdicts:
                    self._queue.put_nowait(verdict)
        except Exception as error:
            self._queue.put_nowait(error)


@asynccontextmanager
async def watch_verdicts(subject: EvalSubject, now: Callable[[], datetime]) -> AsyncIterator[VerdictQueue]:
    """Yields the subject's verdicts, which are read for as long as the block lasts."""
    verdicts = VerdictQueue(now)
    reading = asyncio.create_task(verdicts.read_from(subject))
    try:
        yield verdicts
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class VerdictLog:
    """The verdicts of an observation that differ from the one before, as events of the record's timeline."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._last: object = None
        self._changes = 0

    @property
    def events(self) -> Sequence[Event]:
        """The events so far, in order."""
        return tuple(self._events)

    def add(self, verdict: Verdict) -> None:
        """Adds the verdict if its content differs from the last one's."""
        content = (verdict.serving, verdict.healthy, frozenset((p.reason, p.member) for p in verdict.problems))
        if content == self._last:
            return
        self._last = content
        self._changes += 1
        if self._changes < MAX_CHANGES:
            self._events.append(Event(Step.OBSERVE, verdict.at, "verdict", _detail(verdict)))
        elif self._changes == MAX_CHANGES:
            self._events.append(Event(Step.OBSERVE, verdict.at, "truncated", {"changes": MAX_CHANGES}))


def _detail(verdict: Verdict) -> dict[str, object]:
    problems = [{"reason": p.reason, "member": p.member, "message": p.message} for p in verdict.problems]
    return {"serving": verdict.serving, "healthy": verdict.healthy, "problems": problems}
