"""What a campaign shows the world: its row, its counts and its situation, published at every change.

The row is committed first, the status is computed from it afterwards; the driver never builds a status itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.api import CampaignSpec, Condition, ConditionType, Current, Phase, Plan, Reason
from controller.campaign.projector import Announcement, Projector
from controller.campaign.queueing import GLANCE_SECONDS
from controller.campaign.services import Services
from controller.kube import CampaignRef
from controller.records import CampaignRow, Tally
from controller.status import Interleaving, Refusal, Situation, compute_status

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=60)
"""How long a driver may be overdue before the liveness probe calls it dead."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """An EvalCampaign object as the driver is given it. `conditions` and `plans` are what its status shows already."""

    ref: CampaignRef
    spec: CampaignSpec
    generation: int
    created_at: datetime
    conditions: Sequence[Condition] = ()
    plans: Sequence[Plan] = ()


class Board:
    """Belongs to one driver. `due_at` is when the driver must have said something again."""

    row: CampaignRow
    tally: Tally

    def __init__(self, services: Services, campaign: Campaign, projector: Projector) -> None:
        self._services = services
        self._campaign = campaign
        self._projector = projector
        self._conditions = campaign.conditions
        self._generation = campaign.generation
        self._situation = Situation(plans=tuple(campaign.plans))
        self._open = self._published = False
        self.due_at = services.now() + GRACE

    async def open(self) -> None:
        """Read, or make, the campaign's row, and see whether it has its subject from an earlier process."""
        ref = self._campaign.ref
        self.row = await self._services.records.ensure_campaign(
            ref.uid, ref.namespace, ref.name, self._campaign.spec, self._campaign.created_at
        )
        lock = await self._services.records.lock_of(ref.uid)
        if lock is not None:
            self._situation = replace(self._situation, holder=lock.campaign, ours=True)
        await self.count()
        turns = (c for c in self._conditions if c.type is ConditionType.INTERLEAVED)
        said = (Interleaving(c.status == "True", why, c.message) for c in turns if (why := Reason.parse(c.reason)))
        self._situation = replace(self._situation, interleaving=next(said, None))
        if not self.row.phase.terminal:  # what was said before holds until it is asked anew
            refusals = (Refusal(why, c.message) for c in self._refused() if (why := Reason.parse(c.reason)))
            self._situation = replace(self._situation, refusal=next(refusals, None))
        self._open = True

    def hear(self, generation: int, suspending: bool) -> None:
        """The spec has this generation now, and asks to suspend or not: the status follows at once."""
        self._generation = generation
        self._situation = replace(self._situation, suspending=suspending)
        if self._open:
            self.publish()

    async def count(self) -> None:
        """Count the attempts anew."""
        self.tally = await self._services.records.tally(self._campaign.ref.uid)

    async def enter(
        self, phase: Phase, reason: Reason, message: str, *, keep_lock: bool = False, **situation: Any
    ) -> None:
        """Commit a phase with its reason, then announce it and publish it together with the situation it brings.

        Nothing happens where nothing is new; but the status that an earlier process wrote may be an older one.
        """
        if (self.row.phase, self.row.reason, self.row.message) == (phase, reason, message):
            self.change(**situation)
            return None if self._published else self.publish()
        self.row = await self._services.records.set_phase(
            self._campaign.ref.uid, phase, reason, message, self._services.now(), keep_lock=keep_lock
        )
        self.announce_phase()
        self._situation = replace(self._situation, **situation)
        self.publish()

    async def wait_until_released(self) -> None:
        """Return once the campaign has no subject: at once, but after a failed cleanup not before somebody unlocks it.

        What is shown then says so.
        """
        records, uid = self._services.records, self._campaign.ref.uid
        while True:
            if await records.lock_of(uid) is None:
                self.row = await records.get_campaign(uid) or self.row
                return self.change(holder=None, ours=False)
            await asyncio.sleep(GLANCE_SECONDS)

    def announce_phase(self) -> None:
        """Post the Event of the phase that the row is in."""
        phase, reason = self.row.phase, self.row.reason
        # Each end comes once; before it, a campaign may be suspended, and run again, more than once.
        again = "" if phase.terminal else f"/{self._generation}"
        self.announce(f"phase/{phase}/{reason}{again}", reason, self.row.message, warning=phase is Phase.FAILED)

    @property
    def refused_since(self) -> datetime:
        """Since when the campaign is not accepted, by the condition that says so: it outlives this process."""
        return next((each.last_transition_time for each in self._refused()), self._services.now())

    def _refused(self) -> Iterator[Condition]:
        """The condition that says that the campaign is not accepted, if it is not."""
        return (c for c in self._conditions if c.type is ConditionType.ACCEPTED and c.status == "False")

    def say(self, message: str) -> None:
        """Publish one message over the row as it stands, without changing the row."""
        self.row = replace(self.row, message=message)
        self.publish()

    def announce(self, key: str, reason: str, message: str, warning: bool = False) -> None:
        """Post an Event, once per key, and say the same in the log."""
        log.info("%s/%s: %s: %s", self._campaign.ref.namespace, self._campaign.ref.name, reason, message)
        self._projector.announce(Announcement(key, reason, message, self._services.now(), warning))

    def change(self, **situation: Any) -> None:
        """Publish a new situation, if it is new."""
        changed = replace(self._situation, **situation)
        if changed != self._situation:
            self._situation = changed
            self.publish()

    def show(self, current: Current) -> None:
        """Publish what an attempt is doing. It has until its deadline to do something else."""
        self.change(current=current)
        self.alive(current.deadline)

    def alive(self, until: datetime | None = None) -> None:
        """The driver lives, and need not say so again before `until`."""
        now = self._services.now()
        self.due_at = max(until or now, now) + GRACE

    def rest(self) -> None:
        """Nothing more is due: what is left is the projector's, and it may take as long as the API server is away."""
        self.due_at = datetime.max.replace(tzinfo=UTC)

    def publish(self) -> None:
        """Compute the status from what is known and have it written."""
        status = compute_status(
            self.row,
            self._generation,
            self.tally,
            self._situation,
            self._conditions,
            self._services.now(),
        )
        self._conditions = status.conditions
        self._published = True
        self._projector.show(status)
