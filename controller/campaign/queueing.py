"""One campaign at a time per subject and per agent's Deployment, first come first served.

The locks themselves are rows of the records, so that they survive a crash: after a restart the holder finds itself the
holder, wherever it stands in line. The line is made anew by the drivers, by age. A campaign that needs two things gets
both at once or waits with none; nobody younger is given one of them meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from controller.records import CampaignRow, LockRow, Records
from controller.records.locks import subject_key

GLANCE_SECONDS = 1.0
"""A waiting campaign is woken when something comes free; it looks for itself as often as this, too."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A campaign's place in line: by age, and then by name. `needs` are the keys of the locks."""

    created_at: datetime
    name: str
    uid: str
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Who is in the way of a campaign that waits. `what` is the key of a lock that it needs.

    `waits`: the other one does not have it, and waits itself for something else; it is older, and comes first.
    """

    what: str
    campaign_uid: str
    campaign: str
    waits: bool = False


class SubjectQueue:
    """The waiting line of all campaigns; one object for the process."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._line: list[Place] = []
        self._released = asyncio.Event()

    async def take(
        self,
        campaign: CampaignRow,
        on_wait: Callable[[Obstacle], Awaitable[None]],
        workloads: Callable[[], Awaitable[Collection[str]]],
    ) -> None:
        """Return once the campaign has its subject and these Deployments (keys of locks), and nothing else.

        `workloads` is asked each time that it looks. `on_wait` is told what is in the way, as long as anything is.
        """
        subject = subject_key(campaign.subject, campaign.subject_namespace)
        name = campaign.qualified_name
        # In line before anything is waited for: nobody who comes later is let by.
        place = Place(campaign.created_at, name, campaign.uid, frozenset({subject}))
        self._line.append(place)
        try:
            while True:
                released = self.news()  # before looking: what happens meanwhile must not be missed
                needs = frozenset({subject, *await workloads()})
                self._line.remove(place)
                place = replace(place, needs=needs)
                self._line.append(place)
                if (obstacle := await self._try(place, subject)) is None:
                    return
                await on_wait(obstacle)
                await glance(released)
        finally:
            self._line.remove(place)
            self.wake()

    async def _try(self, place: Place, subject: str) -> Obstacle | None:
        """Take everything, if it is free and nobody who is older waits for some of it; else what is in the way."""
        held = await self._records.locks()
        mine = {lock.subject for lock in held if lock.campaign_uid == place.uid}
        if mine == place.needs:
            return None
        older = [other for other in self._line if other < place and other.uid != place.uid]
        ahead = min((other for other in older if other.needs & place.needs), default=None)
        if ahead is None:
            workloads = place.needs - {subject}
            lock = await self._records.take_lock(subject, place.uid, place.name, self._now(), workloads)
            return None if lock.campaign_uid == place.uid else _in_the_way(lock)
        if mine:  # as in `locks.take`: who waits holds nothing
            await self._records.release_lock(place.uid)
            self.wake()
        others = [lock for lock in held if lock.subject in place.needs and lock.campaign_uid != place.uid]
        if others:
            return _in_the_way(min(others, key=lambda lock: lock.subject != subject))
        return Obstacle(min(ahead.needs & place.needs), ahead.uid, ahead.name, waits=True)

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


def _in_the_way(lock: LockRow) -> Obstacle:
    return Obstacle(lock.subject, lock.campaign_uid, lock.campaign)
