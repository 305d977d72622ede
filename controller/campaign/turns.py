"""Waiting for the subject and the agent's Deployment, and, as one of two arms, for one's turn.

The lock on the subject names the one campaign that owes it the cleanup, at any moment. Two arms hand it to each other,
with the Deployments of both, so that nobody else comes between; who waits keeps them only while the other one cannot
use them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.api import Agent, CampaignSpec, Phase, Reason
from controller.campaign.board import Board
from controller.campaign.control import Control
from controller.campaign.interleaving import Turn, Whose, alone, decide, waits_for, waits_for_partner
from controller.campaign.queueing import Obstacle, glance
from controller.campaign.services import Services
from controller.records import AttemptSummary
from controller.records.campaigns import Arms
from controller.records.locks import WORKLOAD, is_workload, workload_key
from controller.records.rows import Flag

PARTNER_SECONDS = 60.0
"""How long an arm that has the subject waits for a partner that nobody has created yet. Then it goes alone."""


class Turns:
    """Belongs to one driver. Whatever waits here is broken off when the campaign is to halt or to pause."""

    def __init__(self, services: Services, spec: CampaignSpec, board: Board, control: Control) -> None:
        self._services = services
        self._interleaved = bool(spec.interleave.group)
        self._workload = workload_of(spec.agent)
        self._trials = spec.trials
        self._board = board
        self._control = control
        self._arms: Arms | None = None
        self._turn: Turn | None = None

    @property
    def flags(self) -> list[Flag]:
        """What is to be known of an attempt that begins now."""
        return [Flag.UNPAIRED] if self._turn is not None and self._turn.alone else []

    def last_attempts(self) -> list[AttemptSummary]:
        """The last attempt that ended, of the campaign and of its other arm: the subject has borne both."""
        partner = self._arms.partner if self._arms is not None else None
        theirs = partner.tally.recent[:1] if partner is not None else ()
        return [*self._board.tally.recent[:1], *theirs]

    async def wait(self) -> None:
        """Hold subject and agent: alone in the order of the campaigns' age, as an arm when its turn has come."""
        if self._interleaved:
            await self.next()
        else:
            await self._control.guard(self._services.queue.take(self._board.row, self._on_wait, self._needs))

    async def next(self) -> None:
        """Before each trial: return when it is the campaign's turn. At once for one that takes no turns."""
        if self._interleaved and self._board.tally.next_trial <= self._trials:
            await self._control.guard(self._wait_for_turn())
            self._board.change(waiting=None)

    async def _wait_for_turn(self) -> None:
        board, queue, now = self._board, self._services.queue, self._services.now
        patient_until: datetime | None = None
        while True:
            news = queue.news()
            await queue.take(board.row, self._on_wait, self._needs)
            board.alive()
            arms, turn = await self._look()
            if turn.whose is Whose.UNKNOWN:
                patient_until = patient_until or now() + timedelta(seconds=PARTNER_SECONDS)
                if now() >= patient_until:
                    turn = self._turn = alone(arms)
            if turn.whose is Whose.MINE:
                return self._begin(turn)
            if patient_until is not None and turn.whose is Whose.UNKNOWN:
                await self._show(waits_for_partner(patient_until), self._name, ours=True)
            elif await self._hand_over(arms):
                queue.wake()
                continue
            else:
                await self._show(waits_for(arms, held=True), self._name, ours=True)
            await glance(news)

    async def _needs(self) -> frozenset[str]:
        """The Deployments that it takes: its own, and of two arms both, which have everything together or nothing."""
        if not self._interleaved:
            return self._workload
        arms, turn = await self._look()
        return self._workload if turn.alone else self._workload | _workload_of_partner(arms)

    async def _look(self) -> tuple[Arms, Turn]:
        arms = self._arms = await self._services.records.arms(self._board.row.uid)
        turn = self._turn = decide(arms)
        return arms, turn

    async def _hand_over(self, arms: Arms) -> bool:
        assert arms.partner is not None, "it is the partner's turn"
        records, now = self._services.records, self._services.now
        return await records.hand_over(arms.mine.campaign.uid, arms.partner.campaign.uid, now())

    async def _on_wait(self, obstacle: Obstacle) -> None:
        """Somebody else is in the way: say who, and for an arm whether it is the other one's turn."""
        self._board.alive()
        arms, turn = await self._look() if self._interleaved else (None, None)
        holder = await self._services.records.get_campaign(obstacle.campaign_uid)
        agent, what = is_workload(obstacle.what), _in_words(obstacle.what)
        # Who has the agent's Deployment need not have the subject.
        holding = None if agent or obstacle.waits else obstacle.campaign
        if holder is not None and holder.phase.terminal:  # it could not be cleaned up: what to do stands there
            why = f"campaign {obstacle.campaign} has ended and keeps {what}: {holder.message}"
        elif arms and turn and arms.partner and arms.partner.campaign.uid == obstacle.campaign_uid and not turn.alone:
            return await self._show_partner(arms, turn, holding)
        elif obstacle.waits:
            why = f"campaign {obstacle.campaign}, which is older, waits for {what} too, and comes first"
        else:
            why = f"campaign {obstacle.campaign} has {what}"
        await self._show(why, holding, ours=False, reason=Reason.AGENT_BUSY if agent else Reason.SUBJECT_BUSY)

    async def _show_partner(self, arms: Arms, turn: Turn, holder: str | None) -> None:
        """`holder`: who has the subject, if anybody has."""
        assert arms.partner is not None, "the partner is in the way"
        if turn.whose is Whose.PARTNERS:
            await self._show(waits_for(arms, held=False), holder, ours=False)
        elif self._board.row.phase is not Phase.RUNNING:  # one that runs says no more: it has the subject in a moment
            await self._show(f"campaign {arms.partner.title} hands the subject over", holder, ours=False)

    async def _show(self, why: str, holder: str | None, ours: bool, reason: Reason = Reason.WAITS_FOR_TURN) -> None:
        """A campaign whose trials have begun stays Running while it waits: it does not go back and forth."""
        turns = self._turn.interleaving if self._turn is not None else None
        if self._board.row.phase is Phase.RUNNING:
            self._board.change(waiting=why, holder=holder, ours=ours, interleaving=turns)
        else:
            await self._board.enter(Phase.QUEUED, reason, why, holder=holder, ours=ours, interleaving=turns)

    def _begin(self, turn: Turn) -> None:
        self._board.change(holder=self._name, ours=True, interleaving=turn.interleaving)
        if turn.alone and turn.interleaving is not None:
            said = turn.interleaving
            self._board.announce("interleave/alone", said.reason, said.message, warning=True)

    @property
    def _name(self) -> str:
        return self._board.row.qualified_name


def workload_of(agent: Agent) -> frozenset[str]:
    """The key of the lock on the agent's Deployment; none where the campaign names none. Pure."""
    named = agent.workload
    return frozenset([workload_key(named.namespace, named.name)] if named.name else [])


def _workload_of_partner(arms: Arms) -> frozenset[str]:
    """Likewise, of the other arm's, while it has not ended."""
    if arms.partner is None or arms.partner.campaign.phase.terminal:
        return frozenset()
    return workload_of(Agent.model_validate(arms.partner.campaign.spec.get("agent", {})))


def _in_words(key: str) -> str:
    return f"the agent's Deployment {key.removeprefix(WORKLOAD)}" if is_workload(key) else "the subject"
