"""Asking a tape over HTTP as it goes on: waits are waited out, and silence is what a client makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.tape.pd import Reply
from tests.support.tape.player import Tape
from tests.support.tape.presence import Silence

Clock = Callable[[], float]
"""The tape's time now: seconds after the command."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits so many seconds of the tape's time."""


class Unanswered(Exception):
    """No answer: the connection was refused at once, or the limit ran out."""

    def __init__(self, silence: Silence) -> None:
        super().__init__(silence.value)
        self.silence = silence


class TapeClock:
    """The running loop's clock as a tape's: it begins at `begin` and runs `speed` times as fast."""

    def __init__(self, begin: float = 0.0, speed: float = 1.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._begin = begin
        self._speed = speed

    def __call__(self) -> float:
        return self._begin + (self._loop.time() - self._since) * self._speed

    async def sleep(self, seconds: float) -> None:
        """See `Sleep`."""
        await asyncio.sleep(seconds / self._speed)


async def ask(tape: Tape, clock: Clock, sleep: Sleep, host: str, port: int, path: str, limit: float) -> Reply:
    """A GET. `limit` in seconds of the tape's time. What is answered is what was so when it was asked.

    Raises Unanswered.
    """
    await asyncio.sleep(0)
    answer = tape.answer_at(clock(), host, port, path)
    if answer is Silence.REFUSES:
        raise Unanswered(answer)
    takes = limit if isinstance(answer, Silence) else min(answer.after, limit)
    if takes:
        await sleep(takes)
    if isinstance(answer, Silence) or answer.after > limit:
        raise Unanswered(Silence.HANGS)
    return answer
