"""One campaign, from its first look at the subject to its terminal phase.

The driver decides nothing about a trial and knows nothing of Kopf. It admits the campaign, waits for its turn, runs
attempt after attempt, and publishes what the records say. It may be stopped at any await and started again by another
process: all that it needs then is in the records.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from pydantic import BaseModel

from controller.admission import Impossible, NotYet, choose_subject, require_permission
from controller.api import Outcome, Phase
from controller.board import Board, Campaign
from controller.cleanup import CleanupFailed
from controller.projector import Projector
from controller.records import LockRow
from controller.recovery import close_unfinished
from controller.services import Services
from controller.status import CLEANUP_FAILED, Refusal, seconds
from controller.stopping import Stopped, StopSignal
from controller.trial import Attempt, trial_seed
from subjects.protocol import EvalSubject

log = logging.getLogger(__name__)

ADMISSION_RETRY_SECONDS = 1.0


class BudgetSpent(Exception):
    """Too much went wrong that was not the subject's doing: a CamelCase reason and a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class CampaignDriver:
    """Drives one campaign. `run` ends in a terminal phase, or when `stop` fires."""

    def __init__(self, services: Services, campaign: Campaign) -> None:
        self._services = services
        self._campaign = campaign
        self._spec = campaign.spec
        self._projector = Projector(services.kube, campaign.ref)
        self._board = Board(services, campaign, self._projector)
        self.stop = StopSignal()
        self.ended = asyncio.Event()
        """Set by whoever runs the driver, when it no longer runs."""

    @property
    def name(self) -> str:
        """`namespace/name`, for people."""
        return f"{self._campaign.ref.namespace}/{self._campaign.ref.name}"

    @property
    def due_at(self) -> datetime:
        """A driver that has said nothing by then is dead."""
        return self._board.due_at

    async def run(self) -> None:
        """Drive the campaign. Never raises for what happens to the subject, the API server or a trial."""
        async with self._projector:
            try:
                await self._drive()
                self._board.rest()
                await self.stop.guard(self._board.let_go())
                await self.stop.guard(self._projector.drained())
            except Stopped:
                log.info("campaign %s stopped: %s", self.name, self.stop.reason)
                await self._projector.last_words()

    async def _drive(self) -> None:
        await self._board.open()
        if not self._board.row.phase.terminal:
            try:
                await self._run_campaign()
            except Impossible as impossible:
                await self._finish(Phase.FAILED, impossible.refusal.reason, impossible.refusal.message)
            except BudgetSpent as spent:
                await self._finish(Phase.FAILED, spent.reason, str(spent))
            except CleanupFailed as dirty:
                await self._finish(Phase.FAILED, CLEANUP_FAILED, str(dirty), keep_lock=True)
        self._board.publish()

    async def _run_campaign(self) -> None:
        context = self._services.context(self._spec)
        namespace = self._campaign.ref.namespace
        subject, params = choose_subject(self._spec, namespace, self._services.subjects, context)
        try:
            await self._close_what_was_left_open(subject)
            await self._wait_for_permission(subject, params)
            await self._wait_for_turn()
            await self._run_trials(subject, params)
        finally:
            await subject.close()

    async def _close_what_was_left_open(self, subject: EvalSubject) -> None:
        """Before all else: a fault that an earlier process left must not wait for anybody's permission."""
        uid, records, now = self._campaign.ref.uid, self._services.records, self._services.now
        limit = timedelta(seconds=self._spec.deadlines.cleanup_seconds)

        def say(message: str) -> None:
            log.info("campaign %s: %s", self.name, message)
            self._board.alive(now() + limit)

        await close_unfinished(uid, self._spec, subject, records, Outcome.INTERRUPTED, now, say)
        await self._board.count()

    # Before a trial --------------------------------------------------------------------------------------------------

    async def _wait_for_permission(self, subject: EvalSubject, params: BaseModel) -> None:
        """Ask until the namespace consents and the subject is there, for as long as the start deadline allows."""
        limit = self._spec.start_deadline_seconds
        deadline = self._services.now() + timedelta(seconds=limit)
        while refusal := await self._refusal(subject, params):
            if self._services.now() > deadline:
                why = f"waited in vain for startDeadlineSeconds ({limit} s): {refusal.message}"
                raise Impossible("StartDeadlineExceeded", why)
            self._board.alive()
            if self._board.row.phase is Phase.RUNNING:
                self._board.change(refusal=refusal)
            else:
                await self._board.enter(Phase.PENDING, refusal.reason, refusal.message, refusal=refusal)
            await self.stop.sleep(ADMISSION_RETRY_SECONDS)
        self._board.change(refusal=None)

    async def _refusal(self, subject: EvalSubject, params: BaseModel) -> Refusal | None:
        namespace = self._campaign.ref.namespace
        try:
            await self.stop.guard(require_permission(self._spec, namespace, subject, params, self._services.kube))
        except NotYet as not_yet:
            return not_yet.refusal
        return None

    async def _wait_for_turn(self) -> None:
        """Hold the subject: alone, and in the order of the campaigns' age."""
        board = self._board

        async def on_wait(lock: LockRow) -> None:
            board.alive()
            holder = await self._services.records.get_campaign(lock.campaign_uid)
            why = f"campaign {lock.campaign} has the subject"
            if holder is not None and holder.phase.terminal:  # it could not be cleaned up: what to do stands there
                why = f"campaign {lock.campaign} has ended and keeps the subject: {holder.message}"
            await board.enter(Phase.QUEUED, "SubjectBusy", why, holder=lock.campaign)

        await self.stop.guard(self._services.queue.take(board.row, on_wait))

    # The trials ------------------------------------------------------------------------------------------------------

    async def _run_trials(self, subject: EvalSubject, params: BaseModel) -> None:
        spec, board = self._spec, self._board
        what = f"{spec.trials} trials of {spec.chaos.type} on {spec.subject.type} in {spec.subject.namespace}"
        await board.enter(Phase.RUNNING, "TrialsRunning", what, holder=self.name, ours=True)
        while board.tally.next_trial <= spec.trials:
            self._check_budgets()
            # A namespace may take its consent back, and a subject may be removed, between two trials.
            await self._wait_for_permission(subject, params)
            await self._run_attempt(board.tally.next_trial, subject, params)
            self.stop.check()
        tally = board.tally
        await self._finish(
            Phase.COMPLETE, "AllTrialsDone", f"{tally.recovered} of {tally.scored} scored trials recovered"
        )

    async def _run_attempt(self, trial: int, subject: EvalSubject, params: BaseModel) -> None:
        records, now = self._services.records, self._services.now
        row = await records.open_attempt(self._campaign.ref.uid, trial, trial_seed(self._spec.seed, trial), now())
        attempt = Attempt(row, self._spec, params, subject, records, now, self._board.show)
        try:
            outcome = await attempt.run(self.stop)
        finally:
            await self._board.count()
            self._board.change(current=None)
        self._announce_attempt(row.trial, row.attempt, outcome)

    def _announce_attempt(self, trial: int, attempt: int, outcome: Outcome) -> None:
        ended = self._board.tally.recent[0]
        after = f" after {seconds(ended.time_to_recover)}" if ended.time_to_recover is not None else ""
        why = f": {ended.error}" if ended.error else ""
        message = f"trial {trial}, attempt {attempt}, on {ended.target or 'no target'}: {outcome}{after}{why}"
        self._board.announce(f"attempt/{trial}/{attempt}", f"Trial{outcome}", message, warning=outcome.repeated)

    def _check_budgets(self) -> None:
        """Raises BudgetSpent when too much went wrong that is not the subject's doing."""
        outcomes, spec = self._board.tally.outcomes, self._spec
        for outcome, budget, name in (
            (Outcome.INFRA_ERROR, spec.max_infra_errors, "InfraErrors"),
            (Outcome.INTERRUPTED, spec.max_interruptions, "Interruptions"),
        ):
            count = outcomes.get(outcome, 0)
            if count > budget:
                last = next((f": {a.error}" for a in self._board.tally.recent if a.outcome is outcome), "")
                raise BudgetSpent(f"TooMany{name}", f"{count} attempts ended {outcome}, max{name} is {budget}{last}")

    async def _finish(self, phase: Phase, reason: str, message: str, keep_lock: bool = False) -> None:
        released = {} if keep_lock else {"holder": None, "ours": False}
        await self._board.enter(phase, reason, message, keep_lock=keep_lock, current=None, **released)
        self._services.queue.wake()
