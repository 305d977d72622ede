"""The trials of one campaign, one after another, until all have an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from pydantic import BaseModel

from controller.api import CampaignSpec, Mode, Outcome, QuietPeriod
from controller.attempt.agent_session import AgentSession
from controller.attempt.attempt import Attempt, trial_seed
from controller.attempt.outcome import StopReason
from controller.campaign.board import Board
from controller.campaign.budgets import check_budgets
from controller.campaign.control import Control
from controller.campaign.preconditions import Preconditions
from controller.campaign.services import Services
from controller.campaign.turns import Turns
from controller.records import CampaignRow, Tally
from controller.status import seconds
from subjects.protocol import EvalSubject


class Trials:
    """Belongs to one driver. `attend` makes the agent's part of each attempt."""

    def __init__(
        self,
        services: Services,
        spec: CampaignSpec,
        board: Board,
        control: Control,
        preconditions: Preconditions,
        turns: Turns,
        attend: Callable[[], AgentSession],
    ) -> None:
        self._services = services
        self._spec = spec
        self._board = board
        self._control = control
        self._preconditions = preconditions
        self._turns = turns
        self._attend = attend

    async def run(self, subject: EvalSubject, params: BaseModel) -> None:
        """Run what is left of them. Raises Stopped or Paused where it is broken off, BudgetSpent, CleanupFailed."""
        board = self._board
        while (trial := board.tally.next_trial) <= self._spec.trials:
            self._control.halt.check()
            check_budgets(self._spec, board.tally)
            self._control.pause.check()
            await self._turns.next()
            await self._cool_down()
            # A namespace may take its consent back, and a subject may be removed, between two trials.
            await self._preconditions.wait_until_met(subject, params)
            with self._control.within(await self._time_left()):
                await self._run_attempt(trial, subject, params)

    async def _cool_down(self) -> None:
        """Leave the subject in peace for a while, and keep it. Counted from the end of the last attempt on record."""
        for ended_at in sorted(each.ended_at for each in self._turns.last_attempts() if each.ended_at)[-1:]:
            until = ended_at + timedelta(seconds=self._spec.cooldown_seconds)
            if (left := (until - self._services.now()).total_seconds()) > 0:
                self._board.change(cooling_until=until)
                self._board.alive(until)
                await self._control.guard(asyncio.sleep(left))
        self._board.change(cooling_until=None)

    async def _time_left(self) -> float | None:
        """Seconds of activeDeadlineSeconds that no attempt has used up; None without such a limit. Raises Stopped at 0.

        By the records, so that it is the same after a restart. Waiting, suspended or for whatever else, costs nothing.
        """
        if not (limit := self._spec.active_deadline_seconds):
            return None
        left = limit - (await self._services.records.time_in_attempts(self._board.row.uid)).total_seconds()
        if left <= 0:
            self._control.halt.fire(StopReason.OVERDUE)
            self._control.halt.check()
        return left

    async def _run_attempt(self, trial: int, subject: EvalSubject, params: BaseModel) -> None:
        records, now, board = self._services.records, self._services.now, self._board
        row = await records.open_attempt(
            board.row.uid, trial, trial_seed(self._spec.seed, trial), now(), self._turns.flags
        )
        attempt = Attempt(
            row, as_recorded(self._spec, board.row), params, subject, self._attend(), records, now, board.show
        )
        try:
            outcome = await attempt.run(self._control.halt)
        finally:
            await board.count()
            board.change(current=None)
        self._announce(row.trial, row.attempt, outcome)

    def _announce(self, trial: int, attempt: int, outcome: Outcome) -> None:
        ended = self._board.tally.recent[0]
        after = f" after {seconds(ended.time_to_recover)}" if ended.time_to_recover is not None else ""
        why = f": {ended.error}" if ended.error else ""
        on = f", on {ended.target or 'no target'}" if self._spec.mode.injects else ""
        message = f"trial {trial}, attempt {attempt}{on}: {outcome}{after}{why}"
        self._board.announce(f"attempt/{trial}/{attempt}", f"Trial{outcome}", message, warning=outcome.repeated)


def as_recorded(spec: CampaignSpec, campaign: CampaignRow) -> CampaignSpec:
    """The spec without a quiet period, where the campaign was recorded before there were any. Pure.

    The API server fills in today's default for an object of any age; half of the trials would be asked something else.
    """
    if "quietPeriod" in campaign.spec:
        return spec
    return spec.model_copy(update={"quiet_period": QuietPeriod(min_seconds=0, max_seconds=0)})


def in_a_sentence(mode: Mode, tally: Tally) -> str:
    """What came of all trials, for people. Pure."""
    unpaired = f"; without pairs from trial {tally.unpaired_from} on" if tally.unpaired_from is not None else ""
    if mode is Mode.CONTROL:
        alarms = tally.outcomes.get(Outcome.FALSE_ALARM, 0)
        return f"{alarms} false alarms in {tally.scored} scored trials{unpaired}"
    recovered = f"{tally.recovered} of {tally.scored} scored trials recovered"
    if mode is Mode.BASELINE:
        return f"{recovered}{unpaired}"
    return f"{recovered}, {tally.outcomes.get(Outcome.RESOLVED, 0)} were resolved by the agent{unpaired}"
