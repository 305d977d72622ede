"""Carries what the driver knows to the API server, and never holds a trial up.

The driver hands over the newest status and goes on; a task of its own writes it, skips what is outdated, and retries
for ever. Events go the same way, in their order. An API server that is away for an hour costs freshness, nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from controller.api import CampaignStatus
from controller.kube import CampaignRef, KubeCampaigns
from controller.meter import UNMETERED, Meter, StatusWrite
from controller.text import truncate
from subjects.cluster import ClusterError, ClusterUnreachable

log = logging.getLogger(__name__)

PACE_SECONDS = 0.2
"""At most one status write in so long: verdicts change faster than people read."""

FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 5.0

FLUSH_SECONDS = 5.0
"""How long somebody who was told to go tries to get a last status out."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An Event to be. `key` identifies the transition, so that announcing it twice is announcing it once."""

    key: str
    reason: str
    message: str
    at: datetime
    warning: bool = False


class Projector:
    """One per campaign. Used as a context manager, it writes for as long as the block lasts."""

    def __init__(self, kube: KubeCampaigns, campaign: CampaignRef, meter: Meter = UNMETERED) -> None:
        self._kube = kube
        self._campaign = campaign
        self._meter = meter
        self._failing = False
        self._wanted: CampaignStatus | None = None
        self._written: CampaignStatus | None = None
        self._events: deque[Announcement] = deque()
        self._news = asyncio.Event()
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

    def show(self, status: CampaignStatus) -> None:
        """Have this status written, unless a newer one comes first."""
        self._wanted = status
        self._wake()

    def remark(self, message: str) -> None:
        """Have the newest status say this, until the next one comes."""
        if self._wanted is not None:
            self.show(self._wanted.model_copy(update={"message": truncate(message, 1024)}))

    def announce(self, announcement: Announcement) -> None:
        """Have this Event posted."""
        self._events.append(announcement)
        self._wake()

    def _wake(self) -> None:
        self._idle.clear()
        self._news.set()

    async def drained(self) -> None:
        """Return once all that was handed over has been written."""
        await self._idle.wait()

    async def flush(self) -> None:
        """The same, but not for ever: for somebody who was told to go."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._idle.wait()

    async def _run(self) -> None:
        pause = FIRST_RETRY_SECONDS
        while True:
            await self._news.wait()
            self._news.clear()
            # Both in every round: a status that the API server refuses does not keep the Events back.
            written, posted = await self._write_status(), await self._post_events()
            if written and posted:
                pause = FIRST_RETRY_SECONDS
                if not self._news.is_set():
                    self._idle.set()
                await asyncio.sleep(PACE_SECONDS)
            else:
                self._news.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_RETRY_SECONDS)

    async def _write_status(self) -> bool:
        """Try once; whether nothing is left to be written. Only the newest is worth it."""
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
        except Exception:  # ours: it must cost this status, not all that follow
            log.exception("%s: status could not be written", self._campaign.name)
            return StatusWrite.BROKEN

    async def _post_events(self) -> bool:
        """Post what there is, in order; False as soon as the API server is away."""
        while self._events:
            event = self._events[0]
            try:
                await self._kube.create_event(
                    self._campaign, event.key, event.reason, event.message, event.warning, event.at
                )
            except ClusterUnreachable:
                return False
            except ClusterError as error:  # an Event is a convenience: nobody tries a refused one again
                log.warning("%s: Event %s was not posted: %s", self._campaign.name, event.reason, error)
            self._events.popleft()
        return True
