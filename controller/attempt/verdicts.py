"""The oracle, watched without a gap: verdicts flow into a queue while the trial does something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime

from controller.api import Step
from controller.attempt.observation import MAX_VERDICT_GAP
from controller.records.rows import Event
from subjects.protocol import EvalSubject, Problem, Verdict


class VerdictStream:
    """Verdicts in their order. One that does not come in time is a verdict too: unknown."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._queue: asyncio.Queue[Verdict | Exception] = asyncio.Queue()

    async def next(self) -> Verdict:
        """The next verdict; after two seconds of silence, that we do not know. Raises what broke the oracle."""
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
        """The newest verdict there is, waiting for one if there is none yet."""
        verdict = await self.next()
        while not self._queue.empty():
            verdict = await self.next()
        return verdict

    async def read_from(self, subject: EvalSubject) -> None:
        """Take in the subject's verdicts until cancelled."""
        try:
            async with aclosing(subject.watch_health()) as verdicts:
                async for verdict in verdicts:
                    self._queue.put_nowait(verdict)
        except Exception as error:
            self._queue.put_nowait(error)


@asynccontextmanager
async def watch_verdicts(subject: EvalSubject, now: Callable[[], datetime]) -> AsyncIterator[VerdictStream]:
    """Watch the subject for as long as the block lasts."""
    verdicts = VerdictStream(now)
    reading = asyncio.create_task(verdicts.read_from(subject))
    try:
        yield verdicts
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


MOST_CHANGES = 500
"""A flapping subject could fill the disk: after so many changes the story says that it was cut, and ends."""


class VerdictLog:
    """Collects verdicts while an attempt is observed."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._last: object = None
        self._count = 0

    def add(self, verdict: Verdict) -> None:
        """Keep the verdict if it says something else than the one before."""
        content = (verdict.serving, verdict.healthy, frozenset((p.reason, p.member) for p in verdict.problems))
        if content == self._last:
            return
        self._last = content
        self._count += 1
        if self._count < MOST_CHANGES:
            self._events.append(Event(Step.OBSERVE, verdict.at, "verdict", _detail(verdict)))
        elif self._count == MOST_CHANGES:
            self._events.append(Event(Step.OBSERVE, verdict.at, "truncated", {"changes": MOST_CHANGES}))

    def drain(self) -> Sequence[Event]:
        """What was collected since the last call."""
        taken, self._events = self._events, []
        return taken


def _detail(verdict: Verdict) -> dict[str, object]:
    problems = [{"reason": p.reason, "member": p.member, "message": p.message} for p in verdict.problems]
    return {"serving": verdict.serving, "healthy": verdict.healthy, "problems": problems}
