"""Undoing a fault from its record alone: after an attempt, after a crash, after a deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from subjects.cluster import ClusterError, ClusterFailing, ClusterUnreachable
from subjects.protocol import EvalSubject, Fault, SubjectError

RETRY_SECONDS = 0.5


class CleanupFailed(Exception):
    """The fault could not be undone; the subject must not be touched by the next campaign before somebody looked."""


async def undo(subject: EvalSubject, fault: Fault, limit_seconds: float, say: Callable[[str], None]) -> None:
    """Return once nothing of the fault is left.

    While the API server is away nothing can be judged, so that time does not count: it is tried again until there is an
    answer, and `say` is told what it waits for. One that is there and does not serve (5xx, as where a webhook is down;
    429; credentials that it does not take) is tried again too, and that time counts: such a thing may last for ever,
    and somebody must be told. So `limit_seconds` is all that cleanup gets of a server that is there.
    """
    clock, left = asyncio.get_running_loop().time, limit_seconds
    late = f"{fault.chaos} on {fault.names} was not undone within {limit_seconds:g} s"
    while True:
        began = clock()
        try:
            async with asyncio.timeout(left):
                return await subject.cleanup_chaos(fault)
        except ClusterFailing as failing:
            say(f"the fault is still to be undone: {failing}")
            await asyncio.sleep(RETRY_SECONDS)
            left -= clock() - began
            if left <= 0:
                raise CleanupFailed(f"{late}: {failing}") from failing
        except ClusterUnreachable as away:
            say(f"the fault is still to be undone: {away}")
            await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            raise CleanupFailed(late) from None
        except (SubjectError, ClusterError) as error:
            raise CleanupFailed(f"{fault.chaos} on {fault.names} could not be undone: {error}") from error
