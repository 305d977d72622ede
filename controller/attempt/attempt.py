"""One attempt of a trial: break the subject once, observe what happens, undo the fault, and record all of it.

`Attempt._run_steps` lists the steps; the methods below it follow in that order. Three rules hold throughout:

* The record goes first: a step is committed before it begins, and the fault's plan before it is applied.
* In every case (success, an error, a deadline, deletion, SIGTERM), `run` undoes the fault and closes the record.
  Only a killed process cannot; the next one finds everything that it needs in the attempt's row.
* An injection that may or may not have been applied is never continued: a wrong number is worse than a repeated trial.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from pydantic import BaseModel

from controller.agents.protocol import CommandLog
from controller.api import CampaignSpec, CurrentAttempt, Failure, Outcome, Step
from controller.attempt.agent_session import AgentAbsent, AgentSession
from controller.attempt.injection import CleanupFailed, exceeds_quorum, plan_fault, try_revert_fault
from controller.attempt.observation import Observation, ObservationEnd, ObservationWindow, add_verdict
from controller.attempt.outcome import OutcomeInputs, decide_outcome, failure_of
from controller.attempt.steps import StepFailed, StepRunner
from controller.attempt.stopping import Stopped, StopSignal
from controller.attempt.verdicts import VerdictLog, VerdictQueue, watch_verdicts
from controller.records import AttemptRow, Event, Records
from controller.records.rows import Flag
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import ChaosRefused, EvalSubject, Fault, SubjectError, Verdict

log = logging.getLogger(__name__)

END_SECONDS = 5.0
"""The limit for capturing what the attempt leaves in the subject. The next reset restores less if this is missing."""


def trial_seed(campaign_seed: int, trial: int) -> int:
    """The seed of a trial, below 2**48: the same in every attempt, and in every campaign with the same seed."""
    digest = hashlib.sha256(f"{campaign_seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def quiet_seconds(spec: CampaignSpec, seed: int) -> float:
    """The length of the quiet period before the injection, in seconds: uniform between the spec's bounds.

    It depends on the trial's seed alone, so it is the same in every attempt of the trial and in both arms. Its random
    stream is its own, so it does not change which targets are drawn.
    """
    bounds = spec.quiet_period
    return Random(f"{seed}/quiet period").uniform(bounds.min_seconds, bounds.max_seconds)


@dataclass(slots=True)
class AttemptState:
    """The state of an attempt: its outcome depends on nothing else.

    `fault` is set once its plan is on record, applied or not. `injection_unknown` is True while nobody can say whether
    it was applied. `agent_unreadable`: the recovery was observed, and the agent's source could not be read after it.
    """

    fault: Fault | None = None
    injection_unknown: bool = False
    window: ObservationWindow | None = None
    observation: Observation = field(default_factory=Observation)
    commands: CommandLog | None = None
    agent_unreadable: bool = False


class Attempt:
    """Runs one attempt, whose row has been opened. `report` receives what is being done, for the campaign's status."""

    def __init__(
        self,
        row: AttemptRow,
        spec: CampaignSpec,
        params: BaseModel,
        subject: EvalSubject,
        agent: AgentSession,
        records: Records,
        now: Callable[[], datetime],
        report: Callable[[CurrentAttempt], None],
    ) -> None:
        self._row = row
        self._spec = spec
        self._params = params
        self._subject = subject
        self._agent = agent
        self._records = records
        self._now = now
        self._steps = StepRunner(row, records, now, report)
        self._state = AttemptState()

    async def run(self, stop: StopSignal) -> Outcome:
        """Runs all steps and closes the row. Raises CleanupFailed, after that, when the fault could not be undone."""
        try:
            return await self._run(stop)
        finally:
            self._steps.close()

    async def _run(self, stop: StopSignal) -> Outcome:
        error, failure = await self._try_steps(stop)
        outcome = decide_outcome(self._outcome_inputs(stop, failed=error is not None))
        self._steps.record(flags=self._flags(outcome))
        cleanup_failed, agent_error = await self._clean_up()
        self._steps.report_step(Step.RECORD)
        await self._steps.flush()
        errors = [str(each) for each in (error, cleanup_failed, agent_error) if each is not None]
        await self._records.end_attempt(
            self._row.id,
            outcome,
            at=self._now(),
            error="; ".join(errors) or None,
            failure=failure,
            cleanup_failed=str(cleanup_failed) if cleanup_failed is not None else None,
        )
        if cleanup_failed is not None:
            raise cleanup_failed
        return outcome

    async def _try_steps(self, stop: StopSignal) -> tuple[str | None, Failure | None]:
        """Runs the steps up to the cleanup. Returns what went wrong, if anything did; being stopped is no error."""
        try:
            await stop.guard(self._run_steps())
        except Stopped:
            pass
        except Exception as error:
            failure = failure_of(error)
            if failure is Failure.UNEXPECTED:
                log.exception("attempt %s broke down", self._row.id)
            return str(error) or repr(error), failure
        return None, None

    # The steps, in order ---------------------------------------------------------------------------------------------

    async def _run_steps(self) -> None:
        """Runs all steps but the cleanup, which has a limit of its own and is never cut short."""
        async with self._steps.time_limit(self._spec.deadlines.attempt_seconds or None, "the attempt"):
            await self._reset()
            await self._await_healthy()
            await self._start_agent()
            async with self._agent.watching_pod():
                await self._capture_initial_state()
                async with watch_verdicts(self._subject, self._now) as verdicts:
                    await self._keep_quiet_period(verdicts)
                    opened_at = await self._inject(verdicts)
                    async with self._agent.polling_source(opened_at):
                        await self._observe(verdicts, opened_at)
            await self._capture_final_state()

    async def _reset(self) -> None:
        async with self._steps.step(Step.RESET, self._spec.deadlines.reset_seconds):
            await self._steps.retry_until_reachable(lambda: self._subject.reset(self._steps.report_progress))

    async def _await_healthy(self) -> None:
        settle_seconds = self._spec.settle_seconds
        async with self._steps.step(Step.AWAIT_HEALTHY, self._spec.deadlines.healthy_seconds):
            await self._steps.retry_until_reachable(
                lambda: self._subject.wait_healthy(settle_seconds, self._report_verdict)
            )

    async def _start_agent(self) -> None:
        if self._agent.has_deployment:
            async with self._steps.step(Step.START_AGENT, self._spec.agent.start_seconds):
                await self._agent.start(self._steps.report_progress)

    async def _capture_initial_state(self) -> None:
        async with self._steps.step(Step.CAPTURE_INITIAL, self._spec.deadlines.capture_seconds):
            self._steps.record(initial_state=await self._steps.retry_until_reachable(self._subject.capture_state))

    async def _keep_quiet_period(self, verdicts: VerdictQueue) -> None:
        """Does nothing for the trial's quiet period: everything that an agent reports meanwhile is a false alarm.

        The subject need not stay healthy here: `_inject` waits until it is.
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
                        self._report_verdict(await verdicts.next())

    async def _inject(self, verdicts: VerdictQueue) -> datetime:
        """Commits the plan and applies it; returns when the observation window opened.

        A control injects nothing: its window opens when that is committed.
        """
        async with self._steps.step(Step.INJECT, self._spec.deadlines.inject_seconds):
            # It settled a moment ago, and need not be healthy any more.
            await verdicts.wait_until_healthy(self._spec.settle_seconds, self._report_verdict)
            if (cursor := await self._agent.read_cursor(self._steps.report_progress)) is not None:
                await self._steps.commit(agent_mark=cursor.to_json())
            await self._agent.collect_false_alarms(self._steps.report_progress)
            self._agent.require_running()
            if not self._spec.mode.injects:
                opened_at = self._now()
                await self._steps.commit(window_started_at=opened_at)
                return opened_at
            injected_at = await self._apply(await self._plan())
            self._steps.record(chaos_injected_at=injected_at, window_started_at=injected_at)
            return injected_at

    async def _plan(self) -> Fault:
        """Draws the targets and commits the plan. Raises StepFailed where it would hit too many members.

        The blast radius is checked here again, because members may have gone since the campaign was accepted.
        """
        chaos, steps = self._spec.chaos.type, self._steps
        radius = await steps.retry_until_reachable(lambda: self._subject.blast_radius(chaos, self._params))
        if (refusal := exceeds_quorum(chaos, radius, self._spec.allow_quorum_loss)) is not None:
            raise StepFailed(Failure.TOO_MANY_TARGETS, f"{refusal.reason}: {refusal.message}")
        fault = await plan_fault(self._subject, chaos, self._params, self._row.seed, steps.report_progress)
        await steps.commit(fault=fault.to_json())
        self._state.fault = fault
        steps.limit_record_waits()
        return fault

    async def _apply(self, fault: Fault) -> datetime:
        """Applies the plan; returns when the request was sent. Only success and a clear refusal leave no doubt."""
        self._state.injection_unknown = True
        try:
            injected_at = await self._subject.inject_chaos(fault)
        except ChaosRefused:
            self._state.injection_unknown = False
            raise
        self._state.injection_unknown = False
        return injected_at

    async def _observe(self, verdicts: VerdictQueue, opened_at: datetime) -> None:
        spec = self._spec
        window = self._state.window = ObservationWindow(
            opened_at=opened_at,
            deadline=opened_at + timedelta(seconds=spec.observe_seconds),
            settle=timedelta(seconds=spec.settle_seconds),
            max_blind=timedelta(seconds=spec.max_blind_seconds),
            mode=spec.mode,
        )
        verdict_log = VerdictLog()
        try:
            self._steps.record(deadline_at=window.deadline)
            await self._steps.begin(Step.OBSERVE, window.deadline)
            await self._observe_to_the_end(window, verdicts, verdict_log)
            await self._confirm_agent_was_there(window)
        finally:
            self._record_observation(verdict_log)

    async def _observe_to_the_end(
        self, window: ObservationWindow, verdicts: VerdictQueue, verdict_log: VerdictLog
    ) -> None:
        state = self._state
        while state.observation.ended is None:
            verdict = await verdicts.next()
            state.observation = add_verdict(window, state.fault, state.observation, verdict, self._agent.progress)
            if verdict.at >= window.opened_at:
                verdict_log.add(verdict)
            self._report_verdict(verdict)
            if state.observation.ended is None:
                self._agent.require_running()
        if state.observation.ended is ObservationEnd.BLIND:
            blind = state.observation.blind.total_seconds()
            why = f"the subject could not be seen for {blind:.1f} s: {self._steps.message}"
            raise StepFailed(Failure.SIGHT_LOST, f"{Failure.SIGHT_LOST}: {why}")

    async def _confirm_agent_was_there(self, window: ObservationWindow) -> None:
        """Reads the agent's source and checks its pod again, so that both are known up to the observation's end.

        Raises AgentAbsent where they are not known. Whether there was a ticket is unknown then, so the observation does
        not count; one that saw the recovery does: an agent that cannot be read must not choose which attempts count.
        """
        state, limit = self._state, self._spec.deadlines.capture_seconds
        resolved = self._agent.progress.resolved_at is not None
        try:
            if state.observation.ended is ObservationEnd.DEADLINE:
                await self._agent.poll_until(window.deadline, limit)
            if not resolved:  # an agent that has resolved its ticket may go
                observation = state.observation
                by_deadline = observation.ended is ObservationEnd.DEADLINE
                end = window.deadline if by_deadline else observation.recovered_at
                assert end is not None, "it has recovered"
                await self._agent.require_running_until(end, limit)
        except AgentAbsent as absent:
            if absent.failure is Failure.AGENT_SIGHT_LOST and state.observation.recovered_at is not None:
                state.agent_unreadable = True
                return
            state.observation = replace(state.observation, ended=ObservationEnd.BLIND)
            raise

    def _record_observation(self, verdict_log: VerdictLog) -> None:
        self._steps.record_events(verdict_log.events)
        if (how := self._agent.exited) is not None:
            self._steps.record_events([Event(Step.OBSERVE, self._now(), "agent_exited", {"how": how})])
        self._steps.record(**self._agent.record_fields())
        observation = self._state.observation
        self._steps.record(
            manifested_at=observation.manifested_at,
            serving_lost_at=observation.serving_lost_at,
            serving_again_at=observation.serving_again_at,
            recovered_at=observation.recovered_at,
            blind_seconds=observation.blind.total_seconds(),
        )

    async def _capture_final_state(self) -> None:
        async with self._steps.step(Step.CAPTURE_FINAL, self._spec.deadlines.capture_seconds):
            if (commands := await self._agent.read_commands()) is not None:
                self._state.commands = commands
                self._steps.record(
                    commands=[command.to_json() for command in commands.commands],
                    reasoning=[piece.to_json() for piece in commands.reasoning],
                )
            self._steps.record(final_state=await self._steps.retry_until_reachable(self._subject.capture_state))

    # Afterwards ------------------------------------------------------------------------------------------------------

    async def _clean_up(self) -> tuple[CleanupFailed | None, str | None]:
        """Stops the agent and undoes the fault, both at once: an agent that still breaks things must not delay it.

        Returns why the fault could not be undone, and why the agent could not be stopped; None where they were. The
        row is closed before either is raised.
        """
        limit = self._spec.deadlines.cleanup_seconds
        await self._steps.begin(Step.CLEANUP, self._now() + timedelta(seconds=limit))
        agent_error, cleanup_failed = await asyncio.gather(
            self._agent.stop(limit, log.debug),
            try_revert_fault(self._subject, self._state.fault, limit, self._steps.report_progress),
        )
        with suppress(TimeoutError, SubjectError, ClusterError, ClusterUnreachable):
            async with asyncio.timeout(END_SECONDS):
                await self._subject.end_attempt()
        return cleanup_failed, agent_error

    def _outcome_inputs(self, stop: StopSignal, failed: bool) -> OutcomeInputs:
        state, observation, progress = self._state, self._state.observation, self._agent.progress
        return OutcomeInputs(
            mode=self._spec.mode,
            deadline_at=state.window.deadline if state.window else None,
            manifested_at=observation.manifested_at,
            recovered_at=observation.recovered_at,
            ticket_at=progress.ticket_at,
            resolved_at=progress.resolved_at,
            confirm=timedelta(seconds=self._spec.confirm_seconds),
            healthy_last=observation.healthy_last,
            observed=observation.ended in (ObservationEnd.RECOVERED, ObservationEnd.DEADLINE),
            stopped=stop.reason,
            failed=failed,
            injection_unknown=state.injection_unknown,
        )

    def _flags(self, outcome: Outcome) -> list[Flag]:
        state = self._state
        flags = {*self._row.flags, *self._agent.flags(outcome, state.commands, state.observation.degraded)}
        return sorted(flags | ({Flag.AGENT_SIGHT_LOST} if state.agent_unreadable else set()))

    def _report_verdict(self, verdict: Verdict) -> None:
        self._steps.report_progress(verdict.message)
