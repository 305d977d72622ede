"""Waiting until a subject has been healthy for a while, without a break.

`extend` is the rule, and pure; `wait_until_healthy` applies it to a stream of verdicts. Any subject's `wait_healthy`
can be this one call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from subjects.protocol import SubjectError, Verdict

MAX_GAP_SECONDS = 2.0
"""Longest gap between two verdicts of a stretch. They come at least each 0.5 s; in a longer gap nobody watched."""


@dataclass(frozen=True, slots=True)
class HealthyPeriod:
    """Consecutive healthy verdicts: the time of the first and of the last (UTC)."""

    start: datetime
    last: datetime

    @property
    def seconds(self) -> float:
        """Returns how long the period has lasted."""
        return (self.last - self.start).total_seconds()


def extend(
    period: HealthyPeriod | None, verdict: Verdict, max_gap_seconds: float = MAX_GAP_SECONDS
) -> HealthyPeriod | None:
    """Return the period with one more verdict; None where the verdict is not healthy, or unknown.

    A gap longer than `max_gap_seconds`, or a clock that was set back, starts a new period: time that nobody watched is
    not counted.
    """
    if verdict.healthy is not True:
        return None
    if period is None or not 0 <= (verdict.at - period.last).total_seconds() <= max_gap_seconds:
        return HealthyPeriod(verdict.at, verdict.at)
    return HealthyPeriod(period.start, verdict.at)


async def wait_until_healthy(
    verdicts: AsyncGenerator[Verdict], settle_seconds: float, on_verdict: Callable[[Verdict], None]
) -> Verdict:
    """Return the verdict that completes `settle_seconds` of health.

    Every verdict is passed to `on_verdict`, and the stream is closed in the end. It has no time limit of its own.
    Raises SubjectError if the stream ends, which a subject's stream does not.
    """
    period: HealthyPeriod | None = None
    async with aclosing(verdicts) as stream:
        async for verdict in stream:
            on_verdict(verdict)
            period = extend(period, verdict)
            if period is not None and period.seconds >= settle_seconds:
                return verdict
    raise SubjectError("the health of the subject is no longer watched")
