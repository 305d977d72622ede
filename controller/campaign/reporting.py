"""Writes the status and the Events of a campaign in the background.

The driver hands over the newest status and goes on; a task of its own writes it, skips what is outdated, and retries
for ever. Events are posted the same way, in their order. An API server that is away for an hour makes the status old
and holds up no trial.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from controller.api import CampaignStatus, ConditionType, Phase, Reason
from controller.campaign.phases import Campaign, CampaignState
from controller.kube import CampaignRef, KubeCampaigns
from controller.meter import UNMETERED, Meter, StatusWrite
from controller.records import Records
from controller.status import Interleaving, Refusal, compute_status
from controller.text import truncate
from subjects.cluster import ClusterError, ClusterUnreachable

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2
"""The shortest time between two status writes: verdicts change faster than people read."""

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 5.0

FLUSH_SECONDS = 5.0
"""How long a driver that has to stop waits for its last status to be written."""


class BackgroundWriter(ABC):
    """Writes what is pending for as long as its `async with` block lasts, and retries for ever."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def wait_until_written(self) -> None:
        """Returns once nothing is pending."""
        await self._idle.wait()

    def _notify(self) -> None:
        self._idle.clear()
        self._changed.set()

    async def _run(self) -> None:
        pause = FIRST_RETRY_SECONDS
        while True:
            await self._changed.wait()
            self._changed.clear()
            if await self._write_pending():
                pause = FIRST_RETRY_SECONDS
                if not self._changed.is_set():
                    self._idle.set()
                await asyncio.sleep(INTERVAL_SECONDS)
            else:
                self._changed.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_RETRY_SECONDS)

    @abstractmethod
    async def _write_pending(self) -> bool:
        """Tries once, and returns whether nothing is left to be written."""


class StatusWriter(BackgroundWriter):
    """Writes the newest status of one campaign."""

    def __init__(self, kube: KubeCampaigns, campaign: CampaignRef, meter: Meter = UNMETERED) -> None:
        super().__init__()
        self._kube = kube
        self._campaign = campaign
        self._meter = meter
        self._failing = False
        self._wanted: CampaignStatus | None = None
        self._written: CampaignStatus | None = None

    def write(self, status: CampaignStatus) -> None:
        """Has this status written, unless a newer one comes first."""
        self._wanted = status
        self._notify()

    def override_message(self, message: str) -> None:
        """Writes the newest status with this message, until the next status comes."""
        if self._wanted is not None:
            self.write(self._wanted.model_copy(update={"message": truncate(message, 1024)}))

    async def _write_pending(self) -> bool:
        status = self._wanted
        if status is None or status == self._written:
            return True
        result = await self._try_to_write(status)
        self._meter.status_write(result, again=self._failing)
        self._failing = result is not StatusWrite.WRITTEN
        if not self._failing:
            self._written = status
        return not self._failing

    async def _try_to_write(self, status: CampaignStatus) -> StatusWrite:
        try:
            await self._kube.apply_status(self._campaign, status)
            return StatusWrite.WRITTEN
        except (ClusterError, ClusterUnreachable) as error:
            log.warning("%s: status not written yet: %s", self._campaign.name, error)
            return StatusWrite.REFUSED if isinstance(error, ClusterError) else StatusWrite.UNREACHABLE
        except Exception:  # a bug of ours costs this status, not all that follow
            log.exception("%s: status could not be written", self._campaign.name)
            return StatusWrite.BROKEN


@dataclass(frozen=True, slots=True)
class KubeEvent:
    """An Event to be posted. `key` identifies the transition: two Events of one key are one object."""

    key: str
    reason: str
    message: str
    at: datetime
    warning: bool = False


class EventRecorder(BackgroundWriter):
    """Posts the Events of one campaign, in their order."""

    def __init__(self, kube: KubeCampaigns, campaign: CampaignRef) -> None:
        super().__init__()
        self._kube = kube
        self._campaign = campaign
        self._events: deque[KubeEvent] = deque()

    def record(self, event: KubeEvent) -> None:
        """Has this Event posted."""
        self._events.append(event)
        self._notify()

    async def _write_pending(self) -> bool:
        while self._events:
            event = self._events[0]
            try:
                await self._kube.create_event(
                    self._campaign, event.key, event.reason, event.message, event.warning, event.at
                )
            except ClusterUnreachable:
                return False
            except ClusterError as error:  # an Event is a convenience: a refused one is not tried again
                log.warning("%s: Event %s was not posted: %s", self._campaign.name, event.reason, error)
            self._events.popleft()
        return True


async def flush(*writers: BackgroundWriter) -> None:
    """Returns once all that was handed over has been written, and after FLUSH_SECONDS in any case."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            await asyncio.gather(*(writer.wait_until_written() for writer in writers))


# From what is known to what is shown


async def load_state(records: Records, campaign: Campaign, now: datetime) -> CampaignState:
    """Reads what is known of a campaign from the records and its object; its row is created where it has none."""
    ref = campaign.ref
    row = await records.ensure_campaign(ref.uid, ref.namespace, ref.name, campaign.spec, campaign.created_at)
    lock = await records.lock_of(ref.uid)
    shown = {condition.type: condition for condition in campaign.conditions}
    interleaving, refusal = None, None
    if (turns := shown.get(ConditionType.INTERLEAVED)) and (reason := Reason.parse(turns.reason)):
        interleaving = Interleaving(turns.status == "True", reason, turns.message)
    accepted = shown.get(ConditionType.ACCEPTED)
    if accepted and accepted.status == "False" and not row.phase.terminal and (reason := Reason.parse(accepted.reason)):
        refusal = Refusal(reason, accepted.message)  # holds until the preconditions are checked anew
    return CampaignState(
        spec=campaign.spec,
        row=row,
        tally=await records.tally(ref.uid),
        generation=campaign.generation,
        now=now,
        conditions=campaign.conditions,
        suspending=campaign.spec.suspend,
        refusal=refusal,
        plans=tuple(campaign.plans),
        interleaving=interleaving,
        holder=lock.campaign if lock is not None else None,
        holds_subject=lock is not None,
    )


def status_of(state: CampaignState, now: datetime) -> CampaignStatus:
    """Returns the status of a campaign. Pure."""
    return compute_status(state.row, state.generation, state.tally, state.driver_status, state.conditions, now)


def phase_event(state: CampaignState, now: datetime) -> KubeEvent:
    """Returns the Event of the campaign's phase. Pure."""
    phase, reason = state.row.phase, state.row.reason
    # Each end comes once; before it, a campaign may be suspended, and run again, more than once.
    again = "" if phase.terminal else f"/{state.generation}"
    return KubeEvent(f"phase/{phase}/{reason}{again}", reason, state.row.message, now, warning=phase is Phase.FAILED)
