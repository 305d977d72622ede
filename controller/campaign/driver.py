"""One campaign, from its first look at the subject to its terminal phase.

The driver decides nothing about a trial and knows nothing of Kopf. It admits the campaign, waits for its turn, runs
attempt after attempt, and publishes what the records say. It may be stopped at any await and started again by another
process: all that it needs then is in the records. What is asked of it meanwhile comes through `heed` and `leave`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from controller.api import Controls, Outcome, Phase, Reason
from controller.attempt.agent_session import AgentSession
from controller.attempt.injection import CleanupFailed
from controller.attempt.outcome import StopReason
from controller.attempt.stopping import Paused, Stopped
from controller.campaign import dryrun
from controller.campaign.attending import attending, dismiss_agent, open_source
from controller.campaign.board import GRACE, Board, Campaign
from controller.campaign.budgets import BudgetSpent
from controller.campaign.control import Control
from controller.campaign.dryrun import NoPlan, plan_trials
from controller.campaign.expiry import expire
from controller.campaign.preconditions import Preconditions, Rejected, resolve_subject
from controller.campaign.recovery import close_unfinished
from controller.campaign.services import Services
from controller.campaign.trials import Trials, in_a_sentence
from controller.campaign.turns import Turns
from subjects.protocol import EvalSubject

log = logging.getLogger(__name__)


class CampaignDriver:
    """Drives one campaign. `run` ends in a terminal phase, or when it is told to leave."""

    def __init__(self, services: Services, campaign: Campaign) -> None:
        self._services = services
        self._campaign = campaign
        self._spec = campaign.spec
        self._projector = services.projector(campaign.ref)
        self._board = Board(services, campaign, self._projector)
        self._control = Control(campaign.spec)
        self._preconditions = Preconditions(services, campaign.spec, self._board, self._control)
        self._turns = Turns(services, campaign.spec, self._board, self._control)
        self.heed(campaign.spec, campaign.generation)
        self.ended = asyncio.Event()
        """Set by whoever runs the driver, when it no longer runs."""

    @property
    def name(self) -> str:
        """`namespace/name`, for people."""
        return self._campaign.ref.qualified_name

    @property
    def due_at(self) -> datetime:
        """A driver that has said nothing by then is dead."""
        return self._board.due_at

    def heed(self, controls: Controls, generation: int) -> None:
        """The spec is so now, at this generation. Takes effect at once, and the status says so."""
        self.generation = generation
        self._control.heed(controls)
        self._board.hear(generation, suspending=controls.suspend)

    def leave(self, reason: StopReason) -> None:
        """End, once nothing of the campaign is left in the subject."""
        self._control.leave(reason)

    def wait(self, why: str) -> None:
        """The records cannot be reached: say so, and be taken for alive until they can be."""
        self._projector.remark(why)
        self._board.alive(self._board.due_at - GRACE)

    async def run(self) -> None:
        """Drive the campaign. Never raises for what happens to the subject, the API server or a trial."""
        async with self._projector:
            try:
                await self._drive()
                self._board.rest()
                await self._control.gone.guard(self._projector.drained())
            except Stopped:
                log.info("campaign %s stopped: %s", self.name, self._control.gone.reason)
                await self._projector.flush()

    async def wait_for_deletion(self) -> None:
        """Stay with a campaign that `run` has brought to its end: follow its spec, and delete the object in time."""
        if self._control.gone.reason is not None:
            return
        async with self._projector:
            try:
                await self._control.gone.guard(self._board.wait_until_released())
                row, now = self._board.row, self._services.now
                expiring = expire(row, self._campaign.ref, self._control, self._services.kube, now)
                await self._control.gone.guard(expiring)
            except Stopped:
                await self._projector.flush()

    async def _drive(self) -> None:
        await self._board.open()
        if not self._board.row.phase.terminal:
            try:
                await self._run_campaign()
            except Rejected as impossible:
                await self._finish(Phase.FAILED, impossible.refusal.reason, impossible.refusal.message)
            except NoPlan as none:
                await self._finish(Phase.FAILED, Reason.NO_PLAN, str(none))
            except BudgetSpent as spent:
                await self._finish(Phase.FAILED, spent.reason, str(spent))
            except CleanupFailed as failed:
                await self._finish(Phase.FAILED, Reason.CLEANUP_FAILED, str(failed), keep_lock=True)
            except Stopped:
                await self._halted()
            await dismiss_agent(self._services, self._spec, self._campaign.ref.uid)
        self._board.publish()

    async def _halted(self) -> None:
        """Say how it ended, unless the driver is only to leave: then Stopped goes through, and the records wait."""
        match self._control.halt.reason:
            case StopReason.ABORTED:
                await self._finish(Phase.ABORTED, Reason.ABORTED, f"aborted by spec.abort; {self._progress()}")
            case StopReason.OVERDUE:
                limit = f"activeDeadlineSeconds ({self._spec.active_deadline_seconds} s)"
                why = f"the attempts have taken {limit} in all; {self._progress()}"
                await self._finish(Phase.FAILED, Reason.DEADLINE_EXCEEDED, why)
            case _:
                raise Stopped

    async def _run_campaign(self) -> None:
        namespace = self._campaign.ref.namespace
        context = self._services.context(self._spec, namespace)
        subject, params = resolve_subject(self._spec, namespace, self._services.subjects, context)
        try:
            await self._close_what_was_left_open(subject)
            while True:
                self._control.halt.check()
                await self._stand_aside()
                with suppress(Paused):
                    return await self._take_part(subject, params)
        finally:
            await subject.close()

    async def _stand_aside(self) -> None:
        """While it is suspended, a campaign holds nothing, and nothing is counted against it."""
        if not self._control.pause.on:
            return
        nothing: dict[str, Any] = dict.fromkeys(["refusal", "holder", "cooling_until", "waiting"]) | {"ours": False}
        why = f"suspended by spec.suspend; {self._progress()}"
        await self._board.enter(Phase.SUSPENDED, Reason.SUSPENDED, why, **nothing)
        self._services.queue.wake()
        self._board.rest()
        await self._control.halt.guard(self._control.pause.off())
        self._board.alive()

    async def _take_part(self, subject: EvalSubject, params: BaseModel) -> None:
        """From the request for permission to the last trial. Raises Paused where it is to go on another time."""
        row = self._board.row
        entitled = row.phase is Phase.RUNNING or await self._services.records.lock_of(row.uid) is not None
        async with self._services.places.hold(row, entitled, self._wait_for_place):
            await self._preconditions.wait_until_met(subject, params)
            if self._spec.dry_run:
                plans = await self._control.guard(plan_trials(subject, self._spec, params))
                said = dryrun.in_a_sentence(plans, self._spec.trials)
                return await self._finish(Phase.COMPLETE, Reason.DRY_RUN, said, plans=plans)
            # Before it waits for its turn: whoever runs the agent hands it the campaign's token meanwhile. But not
            # before the subject's owner has consented: what has no consent costs a Secret no more than a trial.
            ref = self._campaign.ref
            opening = open_source(self._services, self._spec, ref.uid, self._board.alive)
            source = await self._control.guard(opening)
            async with attending(self._services, self._spec, source, ref.namespace) as attend:
                await self._turns.wait()
                await self._run_trials(subject, params, attend)

    async def _wait_for_place(self, called: asyncio.Event) -> None:
        """Other campaigns of the namespace go first."""
        most, where = self._services.places.most, self._board.row.namespace
        why = f"{most} campaigns of namespace {where} are active, as many as may be at a time; this one waits its turn"
        await self._board.enter(Phase.PENDING, Reason.TOO_MANY_CAMPAIGNS, why, refusal=None)
        self._board.rest()
        await self._control.guard(called.wait())
        self._board.alive()

    async def _close_what_was_left_open(self, subject: EvalSubject) -> None:
        """Before all else: a fault that an earlier process left must not wait for anybody's permission."""
        uid, records, now = self._campaign.ref.uid, self._services.records, self._services.now
        limit = timedelta(seconds=self._spec.deadlines.cleanup_seconds)

        def say(message: str) -> None:
            log.info("campaign %s: %s", self.name, message)
            self._board.alive(now() + limit)

        aborted = self._control.halt.reason is StopReason.ABORTED
        outcome = Outcome.ABORTED if aborted else Outcome.INTERRUPTED
        workload = self._services.workload(self._spec)
        await close_unfinished(uid, self._spec, subject, records, workload, outcome, now, say)
        await self._board.count()

    async def _run_trials(self, subject: EvalSubject, params: BaseModel, attend: Callable[[], AgentSession]) -> None:
        spec, board = self._spec, self._board
        what = f"{spec.trials} trials of {spec.chaos.type} on {spec.subject.type} in {spec.subject.namespace}"
        await board.enter(Phase.RUNNING, Reason.TRIALS_RUNNING, what, holder=self.name, ours=True)
        trials = Trials(self._services, spec, board, self._control, self._preconditions, self._turns, attend)
        await trials.run(subject, params)
        await self._finish(Phase.COMPLETE, Reason.ALL_TRIALS_DONE, in_a_sentence(spec.mode, board.tally))

    def _progress(self) -> str:
        return f"{self._board.tally.done} of {self._spec.trials} trials are done"

    async def _finish(
        self, phase: Phase, reason: Reason, message: str, keep_lock: bool = False, **situation: Any
    ) -> None:
        over: dict[str, Any] = situation | {"current": None, "refusal": None, "cooling_until": None, "waiting": None}
        over |= {} if keep_lock else {"holder": None, "ours": False}
        await self._board.enter(phase, reason, message, keep_lock=keep_lock, **over)
        self._services.queue.wake()
