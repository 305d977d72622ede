"""The driver of one campaign: it does what `phases.decide` says, learns from it, and decides again.

The driver chooses no phase and knows nothing of Kopf. It may be stopped at any await and started again by another
process: all that it needs then is in the records. The row is committed first; the status is computed from it after
that.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import BaseModel

from controller.agents.protocol import AgentSource
from controller.api import Controls, CurrentAttempt, Outcome, Phase, Reason
from controller.attempt.attempt import Attempt, trial_seed
from controller.attempt.injection import CleanupFailed
from controller.attempt.outcome import StopReason
from controller.attempt.stopping import Paused, Stopped
from controller.campaign.agent import agent_exposure, end_agent_source, new_agent_session, open_agent_source
from controller.campaign.control import Control, Heartbeat
from controller.campaign.dryrun import NoPlan, plan_trials
from controller.campaign.lifecycle import close_unfinished, delete_when_expired
from controller.campaign.locks import POLL_SECONDS, Blocked, LockAcquisition
from controller.campaign.phases import (
    Campaign,
    CampaignState,
    Check,
    Decision,
    PhaseChange,
    Task,
    decide,
    spec_as_recorded,
)
from controller.campaign.preconditions import PreconditionPoller, Rejected, resolve_subject
from controller.campaign.reporting import KubeEvent, flush, load_state, phase_event, status_of
from controller.campaign.services import Services
from controller.records.rows import Flag
from controller.status import Refusal, seconds
from controller.text import qualified_name
from subjects.protocol import EvalSubject

log = logging.getLogger(__name__)


class CampaignDriver:
    """Drives one campaign. `run` returns at the campaign's end, or when the driver is shut down."""

    _state: CampaignState
    _subject: EvalSubject
    _params: BaseModel

    def __init__(self, services: Services, campaign: Campaign) -> None:
        self._services = services
        self._campaign = campaign
        self._spec = campaign.spec
        self._uid = campaign.ref.uid
        self._writer = services.status_writer(campaign.ref)
        self._recorder = services.event_recorder(campaign.ref)
        self._control = Control(campaign.spec)
        self._heartbeat = Heartbeat(services.now)
        self._loaded = False
        self._published: tuple[object, ...] | None = None
        self._source: AgentSource | None = None
        self._active = AsyncExitStack()
        """What an active campaign holds in this process."""
        self._resources = AsyncExitStack()
        """What it holds until the driver ends."""
        self._poller = PreconditionPoller(services, self._spec, campaign.ref.namespace)
        self._exposure_reported = False
        self.generation = campaign.generation
        self.name = qualified_name(campaign.ref.namespace, campaign.ref.name)
        self.ended = asyncio.Event()
        """Set by the caller of `run` when the driver has ended."""

    # What others ask of it --------------------------------------------------------------------------------------------

    @property
    def due_at(self) -> datetime:
        """Returns when the driver must have shown that it is alive."""
        return self._heartbeat.due_at

    def apply_spec(self, controls: Controls, generation: int) -> None:
        """Applies the spec of this generation. It takes effect at once, and the status says so."""
        self.generation = generation
        self._control.apply_spec(controls)
        if self._loaded:
            self._state = replace(self._state, generation=generation, suspending=controls.suspend)
            self._publish()

    def shut_down(self, reason: StopReason) -> None:
        """End, once nothing of the campaign is left in the subject."""
        self._control.shut_down(reason)

    def wait_for_records(self, message: str) -> None:
        """Shows that the records cannot be reached, and that the driver is alive until they can be."""
        self._writer.override_message(message)
        self._heartbeat.extend()

    async def run(self) -> None:
        """Drives the campaign. Never raises for an error of the subject, the API server or a trial."""
        async with self._writer, self._recorder:
            await self._drive()
            self._heartbeat.rest()
            try:
                await self._control.shutdown.guard(self._wait_until_written())
            except Stopped:
                log.info("campaign %s stopped: %s", self.name, self._control.shutdown.reason)
                await flush(self._writer, self._recorder)

    async def wait_for_deletion(self) -> None:
        """Stays with an ended campaign: follows its spec, and deletes the object when its time to live is over."""
        if self._control.shutdown.reason is not None:
            return
        async with self._writer, self._recorder:
            try:
                await self._control.shutdown.guard(self._wait_until_unlocked())
                row, kube, now = self._state.row, self._services.kube, self._services.now
                expiring = delete_when_expired(row, self._campaign.ref, self._control, kube, now)
                await self._control.shutdown.guard(expiring)
            except Stopped:
                await flush(self._writer, self._recorder)

    # The loop ---------------------------------------------------------------------------------------------------------

    async def _drive(self) -> None:
        loaded = await load_state(self._services.records, self._campaign, self._services.now())
        self._state = replace(loaded, generation=self.generation)  # a newer spec may have been applied meanwhile
        self._loaded = True
        had_ended = loaded.row.phase.terminal
        try:
            while (task := await self._decide()) is not None:
                await self._perform(task)
        finally:
            await self._active.aclose()
            await self._resources.aclose()
        if self._state.row.phase.terminal:
            if not had_ended:
                await end_agent_source(self._services, self._spec, self._uid)
            self._publish()

    async def _decide(self) -> Task | None:
        """Enters the phase that follows from what is known, and returns what to do next."""
        now, stop, suspending = self._services.now(), self._control.stop.reason, self._control.pause.on
        self._state = replace(self._state, now=now, stop=stop, suspending=suspending)
        decision = decide(self._state)
        await self._show(decision)
        return decision.task

    async def _show_wait(self, task: Task) -> None:
        """Shows what a task waits for. The loop shows another task after this one, if one is due by now."""
        decision = decide(self._state)
        if decision.task is task:
            await self._show(decision)

    async def _show(self, decision: Decision) -> None:
        if decision.enter is not None:
            await self._enter(decision.enter)
        elif self._published is not None:
            self._publish_changes()

    async def _perform(self, task: Task) -> None:
        """Does one task. However it ends, the state says so, and the next decision follows from that."""
        try:
            match task:
                case Task.RECOVER:
                    await self._recover()
                case Task.WAIT_FOR_RESUME:
                    self._heartbeat.rest()
                    await self._control.stop.guard(self._control.pause.off())
                    self._heartbeat.beat()
                case Task.ACTIVATE:
                    await self._activate()
                case Task.CHECK_PRECONDITIONS:
                    await self._check_preconditions()
                case Task.PLAN_TRIALS:
                    plans = await self._control.guard(plan_trials(self._subject, self._spec, self._params))
                    self._state = replace(self._state, plans=plans, planned=True)
                case Task.OPEN_AGENT_SOURCE:
                    await self._open_agent_source()
                case Task.ACQUIRE_LOCKS:
                    await self._acquire_locks()
                case Task.COOL_DOWN:
                    await self._cool_down()
                case Task.RUN_ATTEMPT:
                    await self._run_attempt()
        except (Stopped, Paused):
            self._heartbeat.beat()
        except Rejected as rejected:
            self._state = replace(self._state, failure=rejected.refusal)
        except NoPlan as none:
            self._state = replace(self._state, failure=Refusal(Reason.NO_PLAN, str(none)))
        except CleanupFailed as failed:
            self._state = replace(self._state, failure=Refusal(Reason.CLEANUP_FAILED, str(failed)))

    # The tasks --------------------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        services, spec, namespace = self._services, self._spec, self._campaign.ref.namespace
        context = services.context(spec, namespace)
        self._subject, self._params = resolve_subject(spec, namespace, services.subjects, context)
        self._resources.push_async_callback(self._subject.close)

        def report(message: str) -> None:
            log.info("campaign %s: %s", self.name, message)
            self._heartbeat.beat(services.now() + timedelta(seconds=spec.deadlines.cleanup_seconds))

        aborted = self._control.stop.reason is StopReason.ABORTED
        outcome = Outcome.ABORTED if aborted else Outcome.INTERRUPTED
        workload = services.workload(spec)
        await close_unfinished(
            self._uid, spec, self._subject, services.records, workload, outcome, services.now, report
        )
        await self._count_attempts()
        self._state = replace(self._state, recovered=True)

    async def _activate(self) -> None:
        exempt = self._state.row.phase is Phase.RUNNING or self._state.holds_subject
        limits = self._services.limits

        async def wait(activated: asyncio.Event) -> None:
            self._state = replace(self._state, active_limit=limits.limit, refusal=None)
            await self._show_wait(Task.ACTIVATE)
            self._heartbeat.rest()
            await self._control.guard(activated.wait())
            self._heartbeat.beat()

        await self._active.enter_async_context(limits.active(self._state.row, exempt, wait))
        self._poller = PreconditionPoller(self._services, self._spec, self._campaign.ref.namespace)
        self._state = replace(self._state, active=True, active_limit=None)

    async def _check_preconditions(self) -> None:
        if self._state.check is Check.UNMET:
            since = self._state.refused_since or self._services.now()
            deadline = since + timedelta(seconds=self._spec.start_deadline_seconds)
            await self._control.guard(self._poller.pause(deadline))
        refusal = await self._control.guard(self._poller.check(self._subject, self._params))
        self._heartbeat.beat()
        self._state = replace(self._state, refusal=refusal, check=Check.MET if refusal is None else Check.UNMET)
        if refusal is None and not self._exposure_reported:
            await self._report_exposure()

    async def _report_exposure(self) -> None:
        """Records an Event where the agent may read of the evaluation. The campaign runs; its attempts are flagged."""
        finding = agent_exposure(self._services, self._spec, self._campaign.ref.namespace)
        found = await self._control.guard(finding)
        self._exposure_reported = True
        if found is not None and found.flags:
            reason = min(found.flags, key=list(Flag).index)
            self._record_event(f"exposure/{found.message}", reason, found.message, warning=True)

    async def _open_agent_source(self) -> None:
        opening = open_agent_source(self._services, self._spec, self._uid, self._heartbeat.beat)
        self._source = await self._control.guard(opening)
        if self._source is not None:
            self._active.push_async_callback(self._source.close)
        self._state = replace(self._state, agent_ready=True)

    async def _acquire_locks(self) -> None:
        async def report(blocked: Blocked | None) -> None:
            self._heartbeat.beat()
            if blocked is not None:
                known = replace(
                    self._state, blocked=blocked, holder=blocked.holder, holds_subject=blocked.holds_subject
                )
                self._state = replace(known, interleaving=blocked.interleaving)
                await self._show_wait(Task.ACQUIRE_LOCKS)

        services = self._services
        acquisition = LockAcquisition(
            self._state.row, self._spec.agent, services.records, services.queue, services.now, report
        )
        locks = await self._control.guard(acquisition.acquire())
        self._heartbeat.beat()
        known = replace(
            self._state, locks=locks, blocked=None, holder=self.name, holds_subject=True, check=Check.UNKNOWN
        )
        self._state = replace(known, interleaving=locks.interleaving)
        if locks.unpaired and locks.interleaving is not None:
            alone = locks.interleaving
            self._record_event("interleave/alone", alone.reason, alone.message, warning=True)

    async def _cool_down(self) -> None:
        until = self._state.cooldown_ends_at
        assert until is not None, "a campaign cools down after an attempt"
        self._state = replace(self._state, cooling_until=until, check=Check.UNKNOWN)
        self._publish_changes()
        self._heartbeat.beat(until)
        await self._control.guard(asyncio.sleep((until - self._services.now()).total_seconds()))
        self._state = replace(self._state, cooling_until=None)

    async def _run_attempt(self) -> None:
        services, state = self._services, self._state
        trial, locks = state.tally.next_trial, state.locks
        flags = [Flag.UNPAIRED] if locks is not None and locks.unpaired else []
        row = await services.records.open_attempt(
            self._uid, trial, trial_seed(self._spec.seed, trial), services.now(), flags
        )
        spec = spec_as_recorded(self._spec, state.row)
        session = new_agent_session(services, self._spec, self._source, self._campaign.ref.namespace)
        attempt = Attempt(
            row, spec, self._params, self._subject, session, services.records, services.now, self._show_step
        )
        try:
            with self._control.time_limit(state.time_left):
                outcome = await attempt.run(self._control.stop)
        finally:
            await self._count_attempts()
            interleaved = bool(self._spec.interleave.group)
            known = replace(self._state, current=None, check=Check.UNKNOWN)
            self._state = replace(known, locks=None if interleaved else locks)
        self._record_attempt(row.trial, row.attempt, outcome)

    def _show_step(self, current: CurrentAttempt) -> None:
        """Publishes what an attempt does. It has until its deadline to do something else."""
        self._state = replace(self._state, current=current)
        self._publish_changes()
        self._heartbeat.beat(current.deadline)

    def _record_attempt(self, trial: int, attempt: int, outcome: Outcome) -> None:
        ended = self._state.tally.recent[0]
        after = f" after {seconds(ended.time_to_recover)}" if ended.time_to_recover is not None else ""
        why = f": {ended.error}" if ended.error else ""
        on = f", on {ended.target or 'no target'}" if self._spec.mode.injects else ""
        message = f"trial {trial}, attempt {attempt}{on}: {outcome}{after}{why}"
        self._record_event(f"attempt/{trial}/{attempt}", f"Trial{outcome}", message, warning=outcome.repeated)

    # What is known, and shown -----------------------------------------------------------------------------------------

    async def _count_attempts(self) -> None:
        records, limit = self._services.records, self._spec.active_deadline_seconds
        tally = await records.tally(self._uid)
        left = limit - (await records.time_in_attempts(self._uid)).total_seconds() if limit else None
        self._state = replace(self._state, tally=tally, time_left=left)

    async def _enter(self, change: PhaseChange) -> None:
        """Commits a new phase and shows it; then releases what the campaign does not hold in it."""
        row, releases = self._state.row, change.phase.releases_subject
        new = (row.phase, row.reason, row.message) != (change.phase, change.reason, change.message)
        if new:
            keep_lock = change.reason is Reason.CLEANUP_FAILED
            row = await self._services.records.set_phase(
                self._uid, change.phase, change.reason, change.message, self._services.now(), keep_lock=keep_lock
            )
        self._state = replace(self._state.without_locks() if releases else self._state, row=row)
        if new:
            event = phase_event(self._state, self._services.now())
            self._record_event(event.key, event.reason, event.message, event.warning)
        self._publish_changes()
        if releases:
            self._services.queue.notify()
            await self._active.aclose()

    async def _wait_until_unlocked(self) -> None:
        """Returns once the campaign has no lock: at once, but after a failed cleanup when somebody has unlocked it."""
        records = self._services.records
        while await records.lock_of(self._uid) is not None:  # noqa: ASYNC110 - another process may unlock it
            await asyncio.sleep(POLL_SECONDS)
        row = await records.get_campaign(self._uid) or self._state.row
        self._state = replace(self._state, row=row, holder=None, holds_subject=False)
        self._publish_changes()

    async def _wait_until_written(self) -> None:
        await asyncio.gather(self._writer.wait_until_written(), self._recorder.wait_until_written())

    def _record_event(self, key: str, reason: str, message: str, warning: bool = False) -> None:
        log.info("%s: %s: %s", self.name, reason, message)
        self._recorder.record(KubeEvent(key, reason, message, self._services.now(), warning))

    def _publish_changes(self) -> None:
        """Publishes the status unless it would show what was published last."""
        published: tuple[object, ...] = (self._state.row, self._state.tally, self._state.driver_status)
        if published != self._published:
            self._publish()

    def _publish(self) -> None:
        self._published = (self._state.row, self._state.tally, self._state.driver_status)
        status = status_of(self._state, self._services.now())
        self._state = replace(self._state, conditions=status.conditions)
        self._writer.write(status)
