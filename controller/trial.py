"""One attempt of one trial: break the subject once, watch what happens, undo it, and leave a record of it all.

The steps stand in `_break_and_watch`, in their order. Three rules hold throughout:

* the record goes first: a step is committed before it begins, the plan before it is applied;
* whatever happens (success, an error, a deadline, deletion, SIGTERM), `run` goes on to undo the fault and to close the
  record; only a killed process leaves that to the next one, which finds all it needs in the row;
* an injection that may or may not have been applied is never continued: a wrong number is worse than a repeated trial.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from pydantic import BaseModel

from controller.api import CampaignSpec, Current, Outcome, Step
from controller.cleanup import RETRY_SECONDS, CleanupFailed, undo
from controller.observation import End, Observation, Window, observe
from controller.outcome import Evidence, decide
from controller.quorum import too_many
from controller.records import AttemptRow, Facts, Records
from controller.sight import Sight, watching
from controller.stopping import Stopped, StopSignal
from controller.storyline import Storyline
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.health import Stretch, extend
from subjects.protocol import ChaosRefused, EvalSubject, Fault, SubjectError, Verdict

log = logging.getLogger(__name__)

T = TypeVar("T")

MESSAGE_LENGTH = 512


class StepFailed(Exception):
    """A step could not be done; the text goes into the record."""


def trial_seed(campaign_seed: int, trial: int) -> int:
    """The seed of a trial, below 2**48: the same in every attempt, and in every campaign with the same seed."""
    digest = hashlib.sha256(f"{campaign_seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


class Attempt:
    """Runs one attempt, whose row is open already. `report` is told what is being done, for the status."""

    def __init__(
        self,
        row: AttemptRow,
        spec: CampaignSpec,
        params: BaseModel,
        subject: EvalSubject,
        records: Records,
        now: Callable[[], datetime],
        report: Callable[[Current], None],
    ) -> None:
        self._row = row
        self._spec = spec
        self._params = params
        self._subject = subject
        self._records = records
        self._now = now
        self._report = report
        self._facts: Facts = {}  # learned, and not yet committed: the next step takes them along
        self._story = Storyline()
        self._fault: Fault | None = None
        self._doubtful = False
        self._window: Window | None = None
        self._seen = Observation()
        self._current = Current(trial=row.trial, attempt=row.attempt, step=Step.RESET, since=now())

    async def run(self, stop: StopSignal) -> Outcome:
        """Do it all. Raises CleanupFailed, with the row closed, when the fault could not be undone."""
        errors: list[Exception] = []
        try:
            await stop.guard(self._break_and_watch_in_time())
        except Stopped:
            pass
        except Exception as error:
            errors.append(error)
            if not isinstance(error, (StepFailed, SubjectError, ClusterError, ClusterUnreachable)):
                log.exception("attempt %s broke down", self._row.id)
        outcome = decide(self._evidence(stop, failed=bool(errors)))
        dirty = await self._undo()
        if dirty is not None:
            errors.append(dirty)
        self._show(Step.RECORD, None)
        text = "; ".join(str(error) or repr(error) for error in errors) or None
        dirt = None if dirty is None else str(dirty)
        await self._records.end_attempt(self._row.id, outcome, at=self._now(), error=text, dirty=dirt)
        if dirty is not None:
            raise dirty
        return outcome

    # The steps, in their order ---------------------------------------------------------------------------------------

    async def _break_and_watch_in_time(self) -> None:
        """All but the cleanup, which has a limit of its own and is never cut short."""
        async with self._within(self._spec.deadlines.attempt_seconds or None, "the attempt"):
            await self._break_and_watch()

    async def _break_and_watch(self) -> None:
        limits = self._spec.deadlines
        async with self._step(Step.RESET, limits.reset_seconds):
            await self._patiently(self._subject.reset)
        async with self._step(Step.AWAIT_HEALTHY, limits.healthy_seconds):
            await self._patiently(lambda: self._subject.wait_healthy(self._spec.settle_seconds, self._tell))
        async with self._step(Step.CAPTURE_INITIAL, limits.capture_seconds):
            self._facts["initial_state"] = await self._patiently(self._subject.capture_state)
        async with watching(self._subject, self._now) as sight:
            async with self._step(Step.INJECT, limits.inject_seconds):
                await self._require_whole(sight)
                fault = await self._plan()
                injected_at = await self._apply(fault)
            await self._observe(sight, fault, injected_at)
        async with self._step(Step.CAPTURE_FINAL, limits.capture_seconds):
            self._facts["final_state"] = await self._patiently(self._subject.capture_state)

    async def _plan(self) -> Fault:
        """Choose the target and commit the plan, before anything is touched.

        What may be hit at once is looked at here again: what the reset found is what counts.
        """
        chaos, rng = self._spec.chaos.type, Random(self._row.seed)
        stake = await self._patiently(lambda: self._subject.stake(chaos, self._params))
        if (loss := too_many(chaos, stake, self._spec.allow_quorum_loss)) is not None:
            raise StepFailed(f"{loss.reason}: {loss.message}")
        fault = await self._patiently(lambda: self._subject.plan_chaos(chaos, self._params, rng))
        await self._records.update(self._row.id, at=self._now(), fault=fault.to_json())
        self._fault = fault
        return fault

    async def _require_whole(self, sight: Sight) -> None:
        """Never inject into an unhealthy subject: it settled a moment ago, and it must be whole still.

        A watch that has just begun knows nothing yet, so its first known verdict is waited for. Where that is not
        whole, a hiccup between two steps, the subject has to settle once more; the step's limit bounds both.
        """
        while not (verdict := await sight.newest()).known:
            self._tell(verdict)
        settled: Stretch | None = None
        while verdict.whole is not True or (settled is not None and settled.seconds < self._spec.settle_seconds):
            self._tell(verdict)
            verdict = await sight.next()
            settled = extend(settled, verdict)

    async def _apply(self, fault: Fault) -> datetime:
        """Inject. Whatever ends this but success or a clear refusal leaves open what was done."""
        self._doubtful = True
        try:
            injected_at = await self._subject.inject_chaos(fault)
        except ChaosRefused:
            self._doubtful = False
            raise
        self._doubtful = False
        return injected_at

    async def _observe(self, sight: Sight, fault: Fault, injected_at: datetime) -> None:
        window = self._window = Window(
            opened_at=injected_at,
            deadline=injected_at + timedelta(seconds=self._spec.observe_seconds),
            settle=timedelta(seconds=self._spec.settle_seconds),
            max_blind=timedelta(seconds=self._spec.max_blind_seconds),
        )
        self._facts |= {"chaos_injected_at": injected_at, "deadline_at": window.deadline}
        await self._enter(Step.OBSERVE, window.deadline)
        while self._seen.ended is None:
            verdict = await sight.next()
            self._seen = observe(window, fault, self._seen, verdict)
            if verdict.at >= injected_at:
                self._story.add(verdict)
            self._tell(verdict)
        if self._seen.ended is End.SIGHT_LOST:
            blind = self._seen.blind.total_seconds()
            raise StepFailed(f"SightLost: the subject could not be seen for {blind:.1f} s: {self._current.message}")

    # Afterwards ------------------------------------------------------------------------------------------------------

    async def _undo(self) -> CleanupFailed | None:
        """Undo the fault, if one was planned. Returns the failure: the row is closed before anybody hears of it."""
        limit = self._spec.deadlines.cleanup_seconds
        await self._enter(Step.CLEANUP, self._now() + timedelta(seconds=limit))
        if self._fault is None:
            return None
        try:
            await undo(self._subject, self._fault, limit, self._say)
        except CleanupFailed as failed:
            return failed
        return None

    def _evidence(self, stop: StopSignal, failed: bool) -> Evidence:
        return Evidence(
            mode=self._spec.mode,
            deadline_at=self._window.deadline if self._window else None,
            manifested_at=self._seen.manifested_at,
            recovered_at=self._seen.recovered_at,
            observed=self._seen.ended in (End.RECOVERED, End.DEADLINE),
            stopped=stop.reason,
            failed=failed,
            doubtful=self._doubtful,
        )

    # The frame of every step -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _step(self, step: Step, limit_seconds: float) -> AsyncIterator[None]:
        """Commit that the step begins, then give it its time."""
        await self._enter(step, self._now() + timedelta(seconds=limit_seconds))
        async with self._within(limit_seconds, step):
            yield

    @asynccontextmanager
    async def _within(self, limit_seconds: float | None, what: str) -> AsyncIterator[None]:
        """Give it its time. StepFailed, with what was waited for, when that is over."""
        try:
            async with asyncio.timeout(limit_seconds) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            why = f": {self._current.message}" if self._current.message else ""
            raise StepFailed(f"{what} was not done within {limit_seconds:g} s{why}") from None

    async def _enter(self, step: Step, deadline: datetime | None = None) -> None:
        """Commit the step with everything learned so far, and say so."""
        facts, self._facts = self._facts | self._seen_facts(), {}
        await self._records.update(self._row.id, at=self._now(), step=step, events=self._story.take(), **facts)
        self._show(step, deadline)

    def _show(self, step: Step, deadline: datetime | None) -> None:
        entered = {"step": step, "since": self._now(), "deadline": deadline, "message": ""}
        self._current = self._current.model_copy(update=entered)
        self._report(self._current)

    def _seen_facts(self) -> Facts:
        if self._window is None:
            return {}
        return {
            "manifested_at": self._seen.manifested_at,
            "serving_lost_at": self._seen.serving_lost_at,
            "serving_again_at": self._seen.serving_again_at,
            "recovered_at": self._seen.recovered_at,
            "blind_seconds": self._seen.blind.total_seconds(),
        }

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until the API server is there; only for what may be asked twice. The step's limit ends it."""
        while True:
            try:
                return await ask()
            except ClusterUnreachable as away:
                self._say(str(away))
                await asyncio.sleep(RETRY_SECONDS)

    def _tell(self, verdict: Verdict) -> None:
        self._say(verdict.message)

    def _say(self, message: str) -> None:
        """Say why we wait. Every time, also where nothing changed: who speaks is alive."""
        message = message[:MESSAGE_LENGTH]
        if message != self._current.message:
            self._current = self._current.model_copy(update={"message": message})
        self._report(self._current)
