"""The oracle, watched without a gap: verdicts flow into a queue while the trial does something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import datetime

from controller.attempt.observation import SILENCE
from subjects.protocol import EvalSubject, Problem, Verdict


class Sight:
    """Verdicts in their order. One that does not come in time is a verdict too: unknown."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._queue: asyncio.Queue[Verdict | Exception] = asyncio.Queue()

    async def next(self) -> Verdict:
        """The next verdict; after two seconds of silence, that we do not know. Raises what broke the oracle."""
        try:
            # Not wait_for: up to Python 3.11 it loses a cancellation that comes together with a verdict.
            async with asyncio.timeout(SILENCE.total_seconds()):
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

    async def fill(self, subject: EvalSubject) -> None:
        """Take in the subject's verdicts until cancelled."""
        try:
            async with aclosing(subject.watch_health()) as verdicts:
                async for verdict in verdicts:
                    self._queue.put_nowait(verdict)
        except Exception as error:
            self._queue.put_nowait(error)


@asynccontextmanager
async def watching(subject: EvalSubject, now: Callable[[], datetime]) -> AsyncIterator[Sight]:
    """Watch the subject for as long as the block lasts."""
    sight = Sight(now)
    filling = asyncio.create_task(sight.fill(subject))
    try:
        yield sight
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
