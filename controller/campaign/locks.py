"""The locks of a campaign: one campaign at a time has a subject, and one an agent's Deployment, the oldest first.

The locks are rows of the records, so that they survive a crash: after a restart the holder finds itself the holder.
The drivers rebuild the queue by the campaigns' age. A campaign that needs two locks takes both at once or
waits with none; no younger campaign gets one of them meanwhile.

The lock on a subject names the one campaign that must clean it up, at any moment. Two interleaved arms hand it to
each other, with the Deployments of both, so that no other campaign comes between. The arm that waits keeps the locks
only while the other one cannot use them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controller.api import Agent, Phase, Reason
from controller.campaign.interleaving import (
    Turn,
    TurnOwner,
    decide_turn,
    describe_missing_partner,
    describe_partner,
    turn_alone,
)
from controller.records import CampaignRow, LockRow, Records
from controller.records.campaigns import Arms
from controller.records.locks import WORKLOAD, is_workload, subject_key, workload_key
from controller.status import Interleaving
from controller.text import qualified_name

POLL_SECONDS = 1.0
"""How often a waiting campaign looks for itself, in addition to being notified of released locks."""

PARTNER_SECONDS = 60.0
"""How long an arm that has the subject waits for a partner that nobody has created yet. Then it goes on alone."""


# The queue of all campaigns


@dataclass(frozen=True, slots=True, order=True)
class QueueEntry:
    """A campaign's place in the queue: by age, and then by name. `needs` are the keys of the locks."""

    created_at: datetime
    name: str
    uid: str
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Blocker:
    """The campaign that keeps another one from its locks. `lock_key` names a lock that both need.

    `queued`: it does not hold the lock, but is older and waits itself for something else.
    """

    lock_key: str
    campaign_uid: str
    campaign: str
    queued: bool = False


class LockQueue:
    """The queue of all campaigns that wait for locks; one object for the process."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._queue: list[QueueEntry] = []
        self._released = asyncio.Event()

    async def acquire(
        self,
        campaign: CampaignRow,
        on_blocked: Callable[[Blocker], Awaitable[None]],
        deployments: Callable[[], Awaitable[Collection[str]]],
    ) -> None:
        """Returns once the campaign holds the locks of its subject and of these Deployments, and no others.

        `deployments` returns the keys of locks; it is called before each try. `on_blocked` is called after each try
        that failed.
        """
        subject = subject_key(campaign.subject, campaign.subject_namespace)
        name = qualified_name(campaign.namespace, campaign.name)
        # In the queue before anything is awaited: no campaign that comes later overtakes it.
        entry = QueueEntry(campaign.created_at, name, campaign.uid, frozenset({subject}))
        self._queue.append(entry)
        try:
            while True:
                released = self.next_release()  # before the try: a release meanwhile must not be missed
                needs = frozenset({subject, *await deployments()})
                self._queue.remove(entry)
                entry = replace(entry, needs=needs)
                self._queue.append(entry)
                if (blocker := await self._try(entry, subject)) is None:
                    return
                await on_blocked(blocker)
                await wait_for_release(released)
        finally:
            self._queue.remove(entry)
            self.notify()

    async def _try(self, entry: QueueEntry, subject: str) -> Blocker | None:
        """Takes all locks, unless one is held or an older campaign waits for one. Returns what is in the way."""
        held = await self._records.locks()
        own = {lock.subject for lock in held if lock.campaign_uid == entry.uid}
        if own == entry.needs:
            return None
        older = [other for other in self._queue if other < entry and other.uid != entry.uid]
        ahead = min((other for other in older if other.needs & entry.needs), default=None)
        if ahead is None:
            deployments = entry.needs - {subject}
            lock = await self._records.acquire_locks(subject, entry.uid, entry.name, self._now(), deployments)
            return None if lock.campaign_uid == entry.uid else _holder_of(lock)
        if own:  # as in Records.acquire_locks: a campaign that waits holds nothing
            await self._records.release_lock(entry.uid)
            self.notify()
        others = [lock for lock in held if lock.subject in entry.needs and lock.campaign_uid != entry.uid]
        if others:
            return _holder_of(min(others, key=lambda lock: lock.subject != subject))
        return Blocker(min(ahead.needs & entry.needs), ahead.uid, ahead.name, queued=True)

    def next_release(self) -> asyncio.Event:
        """Returns the event that the next `notify` sets."""
        return self._released

    def notify(self) -> None:
        """Lets every waiting campaign try again: a lock was released or handed over, or the queue is shorter."""
        self._released.set()
        self._released = asyncio.Event()


async def wait_for_release(released: asyncio.Event) -> None:
    """Returns when the event is set, and after POLL_SECONDS in any case."""
    with suppress(TimeoutError):
        async with asyncio.timeout(POLL_SECONDS):
            await released.wait()


def _holder_of(lock: LockRow) -> Blocker:
    return Blocker(lock.subject, lock.campaign_uid, lock.campaign)


# One campaign


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a campaign has no locks, or not its turn. `holder` has the subject (`namespace/name`), if any campaign has.

    `holds_subject`: the campaign itself has it, and waits for its turn.
    """

    reason: Reason
    message: str
    holder: str | None
    holds_subject: bool = False
    interleaving: Interleaving | None = None


@dataclass(frozen=True, slots=True)
class HeldLocks:
    """The locks and the turn of a campaign that may run a trial. `partner_ended_at`: when the other arm's last attempt
    ended.
    """

    interleaving: Interleaving | None = None
    partner_ended_at: datetime | None = None

    @property
    def unpaired(self) -> bool:
        """Returns whether the next trial has no pair though the campaign is one of two arms."""
        return self.interleaving is not None and not self.interleaving.holds


class LockAcquisition:
    """Acquires a campaign's locks once, and waits for its turn if it is an arm.

    `report` is called after each try that failed, with None where there is nothing new to show.
    """

    def __init__(
        self,
        campaign: CampaignRow,
        agent: Agent,
        records: Records,
        queue: LockQueue,
        now: Callable[[], datetime],
        report: Callable[[Blocked | None], Awaitable[None]],
    ) -> None:
        self._campaign = campaign
        self._name = qualified_name(campaign.namespace, campaign.name)
        self._deployment = deployment_key(agent)
        self._interleaved = bool(campaign.spec.get("interleave", {}).get("group"))
        self._records = records
        self._queue = queue
        self._now = now
        self._report = report
        self._turn: Turn | None = None

    async def acquire(self) -> HeldLocks:
        """Returns once the campaign has its locks and its turn has come."""
        if not self._interleaved:
            await self._queue.acquire(self._campaign, self._report_blocker, self._needed_deployments)
            return HeldLocks()
        partner_deadline: datetime | None = None
        while True:
            released = self._queue.next_release()
            await self._queue.acquire(self._campaign, self._report_blocker, self._needed_deployments)
            arms, turn = await self._read_turn()
            if turn.owner is TurnOwner.UNKNOWN:
                partner_deadline = partner_deadline or self._now() + timedelta(seconds=PARTNER_SECONDS)
                if self._now() >= partner_deadline:
                    turn = self._turn = turn_alone(arms)
            if turn.owner is TurnOwner.SELF:
                return HeldLocks(turn.interleaving, _last_end(arms))
            if partner_deadline is not None and turn.owner is TurnOwner.UNKNOWN:
                await self._wait_with_locks(describe_missing_partner(partner_deadline))
            elif await self._transfer_locks(arms):
                self._queue.notify()
                continue
            else:
                await self._wait_with_locks(describe_partner(arms, holds_subject=True))
            await wait_for_release(released)

    async def _needed_deployments(self) -> frozenset[str]:
        """Returns the keys of its Deployment and of the partner's: two arms hold all locks together, or none."""
        if not self._interleaved:
            return self._deployment
        arms, turn = await self._read_turn()
        return self._deployment if turn.alone else self._deployment | _partner_deployment(arms)

    async def _read_turn(self) -> tuple[Arms, Turn]:
        arms = await self._records.arms(self._campaign.uid)
        turn = self._turn = decide_turn(arms)
        return arms, turn

    async def _transfer_locks(self, arms: Arms) -> bool:
        assert arms.partner is not None, "it is the partner's turn"
        return await self._records.transfer_locks(self._campaign.uid, arms.partner.campaign.uid, self._now())

    async def _wait_with_locks(self, message: str) -> None:
        await self._report(Blocked(Reason.WAITS_FOR_TURN, message, self._name, True, self._interleaving))

    async def _report_blocker(self, blocker: Blocker) -> None:
        arms, turn = await self._read_turn() if self._interleaved else (None, None)
        other = await self._records.get_campaign(blocker.campaign_uid)
        agent, what = is_workload(blocker.lock_key), _describe_lock(blocker.lock_key)
        # The campaign that has the agent's Deployment need not have the subject.
        holder = None if agent or blocker.queued else blocker.campaign
        if other is not None and other.phase.terminal:  # its cleanup failed: its message says what to do
            why = f"campaign {blocker.campaign} has ended and keeps {what}: {other.message}"
        elif arms and turn and arms.partner and arms.partner.campaign.uid == blocker.campaign_uid and not turn.alone:
            return await self._report(self._blocked_by_partner(arms, turn, holder))
        elif blocker.queued:
            why = f"campaign {blocker.campaign}, which is older, waits for {what} too, and comes first"
        else:
            why = f"campaign {blocker.campaign} has {what}"
        reason = Reason.AGENT_BUSY if agent else Reason.SUBJECT_BUSY
        await self._report(Blocked(reason, why, holder, interleaving=self._interleaving))

    def _blocked_by_partner(self, arms: Arms, turn: Turn, holder: str | None) -> Blocked | None:
        """Returns what to show; nothing where a Running campaign gets the subject from its partner in a moment."""
        assert arms.partner is not None, "the partner is in the way"
        if turn.owner is TurnOwner.PARTNER:
            why = describe_partner(arms, holds_subject=False)
        elif self._campaign.phase is Phase.RUNNING:
            return None
        else:
            why = f"campaign {arms.partner.title} hands the subject over"
        return Blocked(Reason.WAITS_FOR_TURN, why, holder, interleaving=self._interleaving)

    @property
    def _interleaving(self) -> Interleaving | None:
        return self._turn.interleaving if self._turn is not None else None


def deployment_key(agent: Agent) -> frozenset[str]:
    """Returns the key of the lock on the agent's Deployment; none where the campaign names none. Pure."""
    named = agent.workload
    return frozenset([workload_key(named.namespace, named.name)] if named.name else [])


def _partner_deployment(arms: Arms) -> frozenset[str]:
    """Returns the same for the other arm, while it has not ended."""
    if arms.partner is None or arms.partner.campaign.phase.terminal:
        return frozenset()
    return deployment_key(Agent.model_validate(arms.partner.campaign.spec.get("agent", {})))


def _last_end(arms: Arms) -> datetime | None:
    return next((each.ended_at for each in arms.partner.tally.recent[:1]), None) if arms.partner is not None else None


def _describe_lock(key: str) -> str:
    return f"the agent's Deployment {key.removeprefix(WORKLOAD)}" if is_workload(key) else "the subject"
