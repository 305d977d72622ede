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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from pydantic import BaseModel

from controller.agents.protocol import CommandLog
from controller.api import CampaignSpec, Current, Failure, Outcome, Step
from controller.attempt.agent_session import AgentAbsent, AgentSession
from controller.attempt.injection import CleanupFailed, Injection
from controller.attempt.observation import End, Observation, ObservationWindow, add_verdict
from controller.attempt.outcome import OutcomeInputs, decide_outcome, failure_of
from controller.attempt.steps import StepFailed, StepRunner
from controller.attempt.stopping import Stopped, StopSignal
from controller.attempt.verdicts import VerdictLog, VerdictStream, watch_verdicts
from controller.records import AttemptRow, Event, Records
from controller.records.rows import Flag
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import EvalSubject, SubjectError, Verdict

log = logging.getLogger(__name__)

END_SECONDS = 5.0
"""For a look at what the attempt leaves. Without it nothing is set back, so it holds up nothing for long."""


def trial_seed(campaign_seed: int, trial: int) -> int:
    """The seed of a trial, below 2**48: the same in every attempt, and in every campaign with the same seed."""
    digest = hashlib.sha256(f"{campaign_seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def quiet_seconds(spec: CampaignSpec, seed: int) -> float:
    """How long nothing is done between the agent's start and the injection: uniform between the spec's bounds.

    Of the trial's seed alone, and of a stream of its own, so that the draw of the target is what it was: the same in
    every attempt of the trial, and in both arms.
    """
    bounds = spec.quiet_period
    return Random(f"{seed}/quiet period").uniform(bounds.min_seconds, bounds.max_seconds)


class Attempt:
    """Runs one attempt, whose row is open already. `report` is told what is being done, for the status."""

    def __init__(
        self,
        row: AttemptRow,
        spec: CampaignSpec,
        params: BaseModel,
        subject: EvalSubject,
        agent_session: AgentSession,
        records: Records,
        now: Callable[[], datetime],
        report: Callable[[Current], None],
    ) -> None:
        self._row = row
        self._spec = spec
        self._subject = subject
        self._agent = agent_session
        self._records = records
        self._now = now
        self._steps = StepRunner(row, records, now, report)
        self._verdict_log = VerdictLog()
        self._injection = Injection(spec, params, subject, self._steps, row.seed)
        self._window: ObservationWindow | None = None
        self._seen = Observation()
        self._commands: CommandLog | None = None
        self._agent_lost = False

    async def run(self, stop: StopSignal) -> Outcome:
        """Do it all. Raises CleanupFailed, with the row closed, when the fault could not be undone."""
        try:
            return await self._run(stop)
        finally:
            self._steps.close()

    async def _run(self, stop: StopSignal) -> Outcome:
        errors: list[str] = []
        failure: Failure | None = None
        try:
            await stop.guard(self._break_and_watch_in_time())
        except Stopped:
            pass
        except Exception as error:
            errors.append(str(error) or repr(error))
            failure = failure_of(error)
            if failure is Failure.UNEXPECTED:
                log.exception("attempt %s broke down", self._row.id)
        outcome = decide_outcome(self._evidence(stop, failed=bool(errors)))
        seen = self._agent.flags(outcome, self._commands, self._seen.degraded)
        lost = [Flag.AGENT_SIGHT_LOST] if self._agent_lost else []
        self._steps.record(flags=sorted({*self._row.flags, *seen, *lost}))
        dirty, remark = await self._clean_up()
        errors += [str(problem) for problem in (dirty, remark) if problem is not None]
        self._steps.report_step(Step.RECORD)
        await self._steps.flush()
        dirt = None if dirty is None else str(dirty)
        why = "; ".join(errors) or None
        await self._records.end_attempt(self._row.id, outcome, at=self._now(), error=why, failure=failure, dirty=dirt)
        if dirty is not None:
            raise dirty
        return outcome

    # The steps, in their order ---------------------------------------------------------------------------------------

    async def _break_and_watch_in_time(self) -> None:
        """All but the cleanup, which has a limit of its own and is never cut short."""
        async with self._steps.time_limit(self._spec.deadlines.attempt_seconds or None, "the attempt"):
            await self._break_and_watch()

    async def _break_and_watch(self) -> None:
        spec, steps, subject, agent = self._spec, self._steps, self._subject, self._agent
        limits = spec.deadlines
        async with steps.step(Step.RESET, limits.reset_seconds):
            await steps.retry_until_reachable(lambda: subject.reset(steps.report_progress))
        async with steps.step(Step.AWAIT_HEALTHY, limits.healthy_seconds):
            await steps.retry_until_reachable(lambda: subject.wait_healthy(spec.settle_seconds, self._tell))
        if agent.has_deployment:
            async with steps.step(Step.START_AGENT, spec.agent.start_seconds):
                await agent.start(steps.report_progress)
        async with agent.watching_pod():
            async with steps.step(Step.CAPTURE_INITIAL, limits.capture_seconds):
                steps.record(initial_state=await steps.retry_until_reachable(subject.capture_state))
            async with watch_verdicts(subject, self._now) as verdicts:
                await self._keep_quiet(verdicts)
                async with steps.step(Step.INJECT, limits.inject_seconds):
                    await self._injection.wait_until_healthy(verdicts)
                    opened_at = await self._inject()
                async with agent.polling_source(opened_at):
                    try:
                        await self._observe(verdicts, opened_at)
                    finally:
                        self._learn_what_was_seen()
        async with steps.step(Step.CAPTURE_FINAL, limits.capture_seconds):
            if (said := await agent.read_commands()) is not None:
                self._commands = said
                steps.record(
                    commands=[command.to_json() for command in said.commands],
                    reasoning=[piece.to_json() for piece in said.reasoning],
                )
            steps.record(final_state=await steps.retry_until_reachable(subject.capture_state))

    async def _keep_quiet(self, verdicts: VerdictStream) -> None:
        """Watch, and do nothing, for as long as the trial's seed says: what an agent reports meanwhile is not there.

        The subject is watched, not judged: it has to be healthy when the fault is injected.
        """
        length = quiet_seconds(self._spec, self._row.seed)
        if not length:
            return
        async with self._steps.step(Step.QUIET_PERIOD, length + self._spec.deadlines.capture_seconds):
            if (cursor := await self._agent.read_cursor(self._steps.report_progress)) is not None:
                self._steps.record(agent_mark=cursor.to_json())
            until = self._now() + timedelta(seconds=length)
            while (left := (until - self._now()).total_seconds()) > 0:
                self._agent.require_running()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        self._tell(await verdicts.next())

    async def _inject(self) -> datetime:
        """Note what the agent has said so far, commit the plan, and apply it. Returns when the window opened.

        In a control the plan is that nothing is done, and the window opens when that is committed.
        """
        if (cursor := await self._agent.read_cursor(self._steps.report_progress)) is not None:
            await self._steps.commit(agent_mark=cursor.to_json())
        await self._agent.collect_false_alarms(self._steps.report_progress)
        self._agent.require_running()
        if not self._spec.mode.injects:
            opened_at = self._now()
            await self._steps.commit(window_started_at=opened_at)
            return opened_at
        injected_at = await self._injection.apply()
        self._steps.record(chaos_injected_at=injected_at, window_started_at=injected_at)
        return injected_at

    async def _observe(self, verdicts: VerdictStream, opened_at: datetime) -> None:
        window = self._window = ObservationWindow(
            opened_at=opened_at,
            deadline=opened_at + timedelta(seconds=self._spec.observe_seconds),
            settle=timedelta(seconds=self._spec.settle_seconds),
            max_blind=timedelta(seconds=self._spec.max_blind_seconds),
            mode=self._spec.mode,
        )
        self._steps.record(deadline_at=window.deadline)
        await self._steps.begin(Step.OBSERVE, window.deadline)
        while self._seen.ended is None:
            verdict = await verdicts.next()
            self._seen = add_verdict(window, self._injection.fault, self._seen, verdict, self._agent.progress)
            if verdict.at >= opened_at:
                self._verdict_log.add(verdict)
            self._tell(verdict)
            if self._seen.ended is None:
                self._agent.require_running()
        if self._seen.ended is End.SIGHT_LOST:
            blind = self._seen.blind.total_seconds()
            why = f"the subject could not be seen for {blind:.1f} s: {self._steps.message}"
            raise StepFailed(Failure.SIGHT_LOST, f"{Failure.SIGHT_LOST}: {why}")
        await self._confirm_agent_state(window)

    async def _confirm_agent_state(self, window: ObservationWindow) -> None:
        """Know that the agent was there, and what it had said, until the observation could end as it did."""
        progress, limit = self._agent.progress, self._spec.deadlines.capture_seconds
        try:
            if self._seen.ended is End.DEADLINE:
                await self._agent.poll_until(window.deadline, limit)
            if progress.resolved_at is None:  # whoever has called it resolved has had its say
                end = window.deadline if self._seen.ended is End.DEADLINE else self._seen.recovered_at
                assert end is not None, "it has recovered"
                await self._agent.require_running_until(end, limit)
        except AgentAbsent as absent:
            if absent.failure is Failure.AGENT_SIGHT_LOST and self._seen.recovered_at is not None:
                # The recovery was seen, and stays so: an agent that cannot be read must not choose what counts.
                self._agent_lost = True
                return
            # Whether there was a ticket, or could have been, is unknown: such an attempt was not watched to its end.
            self._seen = replace(self._seen, ended=End.SIGHT_LOST)
            raise

    # Afterwards ------------------------------------------------------------------------------------------------------

    async def _clean_up(self) -> tuple[CleanupFailed | None, str | None]:
        """Send the agent away and undo the fault, if one was planned.

        Returns the failure: the row is closed before anybody hears of it. And what else is to be said.
        """
        limit = self._spec.deadlines.cleanup_seconds
        await self._steps.begin(Step.CLEANUP, self._now() + timedelta(seconds=limit))
        # At once: an agent that goes on breaking things must not keep us from mending them.
        remark, dirty = await asyncio.gather(self._agent.stop(limit, log.debug), self._injection.undo(limit))
        with suppress(TimeoutError, SubjectError, ClusterError, ClusterUnreachable):
            async with asyncio.timeout(END_SECONDS):
                await self._subject.end_attempt()
        return dirty, remark

    def _learn_what_was_seen(self) -> None:
        self._steps.record_events(self._verdict_log.drain())
        if (how := self._agent.exited) is not None:
            self._steps.record_events([Event(Step.OBSERVE, self._now(), "agent_exited", {"how": how})])
        self._steps.record(**self._agent.record_fields())
        self._steps.record(
            manifested_at=self._seen.manifested_at,
            serving_lost_at=self._seen.serving_lost_at,
            serving_again_at=self._seen.serving_again_at,
            recovered_at=self._seen.recovered_at,
            blind_seconds=self._seen.blind.total_seconds(),
        )

    def _evidence(self, stop: StopSignal, failed: bool) -> OutcomeInputs:
        progress = self._agent.progress
        return OutcomeInputs(
            mode=self._spec.mode,
            deadline_at=self._window.deadline if self._window else None,
            manifested_at=self._seen.manifested_at,
            recovered_at=self._seen.recovered_at,
            ticket_at=progress.ticket_at,
            resolved_at=progress.resolved_at,
            confirm=timedelta(seconds=self._spec.confirm_seconds),
            healthy_last=self._seen.healthy_last,
            observed=self._seen.ended in (End.RECOVERED, End.DEADLINE),
            stopped=stop.reason,
            failed=failed,
            injection_unknown=self._injection.injection_unknown,
        )

    def _tell(self, verdict: Verdict) -> None:
        self._steps.report_progress(verdict.message)
