"""Undoing a fault from its record alone: after an attempt, after a crash, after a deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import EvalSubject, Fault, SubjectError

RETRY_SECONDS = 0.5


class CleanupFailed(Exception):
    """The fault could not be undone; the subject must not be touched by the next campaign before somebody looked."""


async def undo(subject: EvalSubject, fault: Fault, limit_seconds: float, say: Callable[[str], None]) -> None:
    """Return once nothing of the fault is left.

    While the API server is away nothing can be judged, so that time does not count: it is tried again until there is an
    answer, and `say` is told what it waits for. With the API server there, `limit_seconds` is all that cleanup gets.
    """
    while True:
        try:
            async with asyncio.timeout(limit_seconds):
                return await subject.cleanup_chaos(fault)
        except ClusterUnreachable as away:
            say(f"the fault is still to be undone: {away}")
            await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            raise CleanupFailed(f"{fault.chaos} on {fault.names} was not undone within {limit_seconds:g} s") from None
        except (SubjectError, ClusterError) as error:
            raise CleanupFailed(f"{fault.chaos} on {fault.names} could not be undone: {error}") from error
