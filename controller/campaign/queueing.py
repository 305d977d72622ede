"""One campaign at a time per subject, first come first served.

The lock itself is a row of the records, so that it survives a crash: after a restart the holder finds itself the
holder, wherever it stands in line. The line is made anew by the drivers, by age.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from controller.records import CampaignRow, LockRow, Records

GLANCE_SECONDS = 1.0
"""A waiting campaign is woken when the subject comes free; it looks for itself as often as this, too."""


class SubjectQueue:
    """The waiting lines of all subjects; one object for the process."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._waiting: dict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
        self._released = asyncio.Event()

    async def take(self, campaign: CampaignRow, on_wait: Callable[[LockRow], Awaitable[None]]) -> None:
        """Return once the campaign holds its subject; `on_wait` is told who does, as long as it is somebody else."""
        subject = f"{campaign.subject}/{campaign.subject_namespace}"
        name = f"{campaign.namespace}/{campaign.name}"
        place = (campaign.created_at, name, campaign.uid)
        line = self._waiting[subject]
        line.append(place)
        try:
            while True:
                released = self.news()  # before looking: what happens meanwhile must not be missed
                # Whoever looks, the lock goes to the first in line; the answer is who holds it.
                _, first_name, first_uid = min(line)
                lock = await self._records.take_lock(subject, first_uid, first_name, self._now())
                if lock.campaign_uid == campaign.uid:
                    return
                await on_wait(lock)
                await glance(released)
        finally:
            line.remove(place)
            self.wake()

    def news(self) -> asyncio.Event:
        """What the next `wake` sets."""
        return self._released

    def wake(self) -> None:
        """Let everybody look again: a subject came free or changed hands, or somebody left the line."""
        self._released.set()
        self._released = asyncio.Event()


async def glance(news: asyncio.Event) -> None:
    """Return when there is news, and in any case before long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GLANCE_SECONDS):
            await news.wait()
