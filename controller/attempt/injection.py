"""The fault of one attempt: planned, applied once, undone. What is to be done is on record before it is done."""

from __future__ import annotations

from datetime import datetime
from random import Random

from pydantic import BaseModel

from controller.api import CampaignSpec, Failure
from controller.attempt.cleanup import CleanupFailed, undo
from controller.attempt.course import Course, StepFailed
from controller.attempt.quorum import exceeds_quorum
from controller.attempt.sight import Sight
from subjects.health import Stretch, extend
from subjects.protocol import ChaosRefused, EvalSubject, Fault


class Injection:
    """One for an attempt; `seed` draws its target.

    `fault` is there once it is on record, whether or not it was applied yet; `doubtful` says that it may have been.
    """

    def __init__(self, spec: CampaignSpec, params: BaseModel, subject: EvalSubject, course: Course, seed: int) -> None:
        self._spec = spec
        self._params = params
        self._subject = subject
        self._course = course
        self._seed = seed
        self.fault: Fault | None = None
        self.doubtful = False

    async def wait_until_healthy(self, sight: Sight) -> None:
        """Never inject into an unhealthy subject: it settled a moment ago, and it must be healthy still.

        A watch that has just begun knows nothing yet, so its first known verdict is waited for. Where that is not
        healthy, a hiccup between two steps, the subject has to settle once more; the step's limit bounds both.
        """
        while not (verdict := await sight.newest()).known:
            self._course.say(verdict.message)
        settled: Stretch | None = None
        while verdict.healthy is not True or (settled is not None and settled.seconds < self._spec.settle_seconds):
            self._course.say(verdict.message)
            verdict = await sight.next()
            settled = extend(settled, verdict)

    async def apply(self) -> datetime:
        """Commit the plan and carry it out; returns when that was. StepFailed where too many would be hit at once."""
        return await self._carry_out(await self._plan())

    async def undo(self, limit_seconds: float) -> CleanupFailed | None:
        """Undo what was planned, applied or not; returns why that failed, if it did."""
        if self.fault is None:
            return None
        try:
            await undo(self._subject, self.fault, limit_seconds, self._course.say)
        except CleanupFailed as failed:
            return failed
        return None

    async def _plan(self) -> Fault:
        """Choose the target and commit the plan, before anything is touched.

        What may be hit at once is looked at here again: what the reset found is what counts.
        """
        chaos, rng, course = self._spec.chaos.type, Random(self._seed), self._course
        radius = await course.patiently(lambda: self._subject.blast_radius(chaos, self._params))
        if (loss := exceeds_quorum(chaos, radius, self._spec.allow_quorum_loss)) is not None:
            raise StepFailed(Failure.TOO_MANY_TARGETS, f"{loss.reason}: {loss.message}")
        fault = await course.patiently(lambda: self._subject.plan_chaos(chaos, self._params, rng))
        await course.commit(fault=fault.to_json())
        self.fault = fault
        course.hurry()
        return fault

    async def _carry_out(self, fault: Fault) -> datetime:
        """Whatever ends this but success or a clear refusal leaves open what was done."""
        self.doubtful = True
        try:
            injected_at = await self._subject.inject_chaos(fault)
        except ChaosRefused:
            self.doubtful = False
            raise
        self.doubtful = False
        return injected_at
