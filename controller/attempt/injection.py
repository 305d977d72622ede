"""The fault of one attempt: how much it may hit, its plan, its injection, and how it is undone.

The plan is on record before it is applied, so a fault can be undone from its record alone: after an attempt, after a
crash of the controller, after the campaign was deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from random import Random

from pydantic import BaseModel

from controller.api import CampaignSpec, Failure, Reason
from controller.attempt.steps import StepFailed, StepRunner
from controller.attempt.verdicts import VerdictStream
from controller.status import Refusal
from subjects.cluster import ClusterError, ClusterFailing
from subjects.health import Stretch, extend
from subjects.protocol import BlastRadius, ChaosRefused, EvalSubject, Fault, SubjectError
from subjects.retry import RETRY_SECONDS, retry_until_reachable


class CleanupFailed(Exception):
    """The fault could not be undone: no other campaign may touch the subject before somebody has looked at it."""


async def undo_fault(subject: EvalSubject, fault: Fault, limit_seconds: float, on_wait: Callable[[str], None]) -> None:
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


def exceeds_quorum(chaos: str, radius: BlastRadius, allow_quorum_loss: bool) -> Refusal | None:
    """Why so many members may not be hit at once; None where they may.

    Some combination of them could take a majority of those that vote with each other, and which ones are hit is drawn.
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


class Injection:
    """One for an attempt; `seed` draws its target.

    `fault` is set once its plan is on record. `injection_unknown` says that it may or may not have been applied.
    """

    def __init__(
        self, spec: CampaignSpec, params: BaseModel, subject: EvalSubject, steps: StepRunner, seed: int
    ) -> None:
        self._spec = spec
        self._params = params
        self._subject = subject
        self._steps = steps
        self._seed = seed
        self.fault: Fault | None = None
        self.injection_unknown = False

    async def wait_until_healthy(self, verdicts: VerdictStream) -> None:
        """Never inject into an unhealthy subject: it settled a moment ago, and it must be healthy still.

        A watch that has just begun knows nothing yet, so its first known verdict is waited for. Where that is not
        healthy, a hiccup between two steps, the subject has to settle once more; the step's limit bounds both.
        """
        while not (verdict := await verdicts.newest()).known:
            self._steps.report_progress(verdict.message)
        settled: Stretch | None = None
        while verdict.healthy is not True or (settled is not None and settled.seconds < self._spec.settle_seconds):
            self._steps.report_progress(verdict.message)
            verdict = await verdicts.next()
            settled = extend(settled, verdict)

    async def apply(self) -> datetime:
        """Commit the plan and carry it out; returns when that was. StepFailed where too many would be hit at once."""
        return await self._carry_out(await self._plan())

    async def undo(self, limit_seconds: float) -> CleanupFailed | None:
        """Undo what was planned, applied or not; returns why that failed, if it did."""
        if self.fault is None:
            return None
        try:
            await undo_fault(self._subject, self.fault, limit_seconds, self._steps.report_progress)
        except CleanupFailed as failed:
            return failed
        return None

    async def _plan(self) -> Fault:
        """Choose the target and commit the plan, before anything is touched.

        What may be hit at once is looked at here again: what the reset found is what counts.
        """
        chaos, rng, steps = self._spec.chaos.type, Random(self._seed), self._steps
        radius = await steps.retry_until_reachable(lambda: self._subject.blast_radius(chaos, self._params))
        if (loss := exceeds_quorum(chaos, radius, self._spec.allow_quorum_loss)) is not None:
            raise StepFailed(Failure.TOO_MANY_TARGETS, f"{loss.reason}: {loss.message}")
        fault = await steps.retry_until_reachable(lambda: self._subject.plan_chaos(chaos, self._params, rng))
        await steps.commit(fault=fault.to_json())
        self.fault = fault
        steps.stop_waiting_for_records()
        return fault

    async def _carry_out(self, fault: Fault) -> datetime:
        """Whatever ends this but success or a clear refusal leaves open what was done."""
        self.injection_unknown = True
        try:
            injected_at = await self._subject.inject_chaos(fault)
        except ChaosRefused:
            self.injection_unknown = False
            raise
        self.injection_unknown = False
        return injected_at
