"""The fault of an attempt: whether it may hit so many members, its plan, and how it is undone.

A fault is undone from its plan alone, which is on record before it is applied: after an attempt, after a crash of the
controller, after the campaign was deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from pydantic import BaseModel

from controller.api import Reason
from controller.status import Refusal
from subjects.cluster import ClusterError, ClusterFailing
from subjects.protocol import BlastRadius, EvalSubject, Fault, SubjectError
from subjects.retry import RETRY_SECONDS, retry_until_reachable


def exceeds_quorum(chaos: str, radius: BlastRadius, allow_quorum_loss: bool) -> Refusal | None:
    """Returns why a fault hits more members at once than is allowed; None where it does not. Pure.

    Its targets are drawn, so the worst draw counts: one that takes a majority of the members that vote together.
    """
    what = f"{chaos} of {radius.targets} of {radius.members} members"
    if radius.targets > radius.members:
        return Refusal(Reason.INVALID_PARAMS, f"{what}: there are not so many")
    if allow_quorum_loss or radius.targets <= radius.tolerated:
        return None
    why = f"{radius.voters} vote together, " if radius.voters < radius.members else ""
    return Refusal(
        Reason.QUORUM_LOSS,
        f"{what} would take the quorum ({why}at most {radius.tolerated}); "
        "set allowQuorumLoss: true to do it all the same",
    )


async def plan_fault(
    subject: EvalSubject, chaos: str, params: BaseModel, seed: int, on_wait: Callable[[str], None]
) -> Fault:
    """Returns the fault that a trial with this seed injects, as the subject is now. Touches nothing.

    Every try draws from the same random stream, so an outage of the API server does not change the targets.
    """
    return await retry_until_reachable(lambda: subject.plan_chaos(chaos, params, Random(seed)), on_wait)


class CleanupFailed(Exception):
    """The fault could not be undone: no other campaign may touch the subject before somebody has looked at it."""


async def revert_fault(
    subject: EvalSubject, fault: Fault, limit_seconds: float, on_wait: Callable[[str], None]
) -> None:
    """Returns once nothing of the fault is left; raises CleanupFailed where it cannot be undone.

    Time in which the API server cannot be reached does not count: an outage ends. Time in which it is there and does
    not serve (a 5xx, as where a webhook is down; 429; credentials that it does not accept) counts, because such a state
    may last for ever. `limit_seconds` is for each try and for all that time together.
    """
    clock, left = asyncio.get_running_loop().time, limit_seconds
    what = f"{fault.chaos} on {fault.names}"
    late = f"{what} was not undone within {limit_seconds:g} s"

    async def try_once() -> None:
        nonlocal left
        began = clock()
        try:
            async with asyncio.timeout(left):
                await subject.cleanup_chaos(fault)
        except ClusterFailing as failing:
            left -= clock() - began + RETRY_SECONDS
            if left <= 0:
                raise CleanupFailed(f"{late}: {failing}") from failing
            raise
        except TimeoutError:
            raise CleanupFailed(late) from None
        except (SubjectError, ClusterError) as error:
            raise CleanupFailed(f"{what} could not be undone: {error}") from error

    await retry_until_reachable(try_once, lambda reason: on_wait(f"the fault is still to be undone: {reason}"))


async def try_revert_fault(
    subject: EvalSubject, fault: Fault | None, limit_seconds: float, on_wait: Callable[[str], None]
) -> CleanupFailed | None:
    """Undoes the fault, if there is one, as `revert_fault` does; returns the failure instead of raising it."""
    if fault is None:
        return None
    try:
        await revert_fault(subject, fault, limit_seconds, on_wait)
    except CleanupFailed as failed:
        return failed
    return None
