"""The limits of the load that one namespace's campaigns make: how many are active, and how often each asks.

An active campaign checks its preconditions, has a token, and waits for locks. The others wait until they may be active,
the oldest first, and ask nobody anything. A campaign that has begun its trials, or has its subject, never waits.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from controller.records import CampaignRow

DEFAULT_ACTIVE = 100
"""Campaigns of one namespace that wait for one subject need no more: one of them runs at a time."""

Age = tuple[str, str, str]


@dataclass(slots=True)
class _Namespace:
    active: set[str] = field(default_factory=set)
    waiting: dict[str, tuple[Age, asyncio.Event]] = field(default_factory=dict)


class NamespaceLimits:
    """How many campaigns of one namespace are active at a time; one object for the process. `limit` 0 is no limit."""

    def __init__(self, limit: int = DEFAULT_ACTIVE) -> None:
        self.limit = limit
        self._namespaces: defaultdict[str, _Namespace] = defaultdict(_Namespace)

    @asynccontextmanager
    async def active(
        self, campaign: CampaignRow, exempt: bool, wait: Callable[[asyncio.Event], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Makes the campaign active for as long as the block lasts. `exempt`: at once, regardless of the limit.

        While the limit is reached, `wait` waits for the event that it gets. An exception of `wait` is passed on, and
        the campaign is not active then.
        """
        namespace = self._namespaces[campaign.namespace]
        if not exempt and self.limit and (len(namespace.active) >= self.limit or namespace.waiting):
            await self._wait(namespace, campaign, wait)
        namespace.active.add(campaign.uid)
        try:
            yield
        finally:
            namespace.active.discard(campaign.uid)
            self._activate_oldest(namespace)

    async def _wait(
        self, namespace: _Namespace, campaign: CampaignRow, wait: Callable[[asyncio.Event], Awaitable[None]]
    ) -> None:
        activated = asyncio.Event()
        age = (campaign.created_at.isoformat(), campaign.name, campaign.uid)
        namespace.waiting[campaign.uid] = (age, activated)
        try:
            self._activate_oldest(namespace)
            if not activated.is_set():
                await wait(activated)
        except BaseException:
            namespace.active.discard(campaign.uid)  # it may have been activated in this very moment
            raise
        finally:
            namespace.waiting.pop(campaign.uid, None)
            self._activate_oldest(namespace)

    def _activate_oldest(self, namespace: _Namespace) -> None:
        """Activates as many waiting campaigns as the limit allows, the oldest first."""
        while namespace.waiting and len(namespace.active) < self.limit:
            uid, (_, activated) = min(namespace.waiting.items(), key=lambda each: each[1][0])
            del namespace.waiting[uid]
            namespace.active.add(uid)
            activated.set()


class ChangeNotifier:
    """Wakes everybody who waits for a change of the same key; one object for the process."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[asyncio.Event, int]] = {}
        self._published: dict[str, str] = {}

    async def wait(self, key: str, seconds: float) -> None:
        """Returns when a change of this key is published, or after so many seconds."""
        event, waiters = self._waiting.get(key, (asyncio.Event(), 0))
        self._waiting[key] = (event, waiters + 1)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        finally:
            self._remove(key, event)

    def publish(self, key: str, value: str) -> None:
        """Wakes everybody who waits for this key, unless the same value was published last.

        All who wait see the same change; without that rule each of them would publish it to all others.
        """
        found = self._waiting.get(key)
        if found is None or self._published.get(key) == value:
            return
        self._published[key] = value
        del self._waiting[key]
        found[0].set()

    def _remove(self, key: str, event: asyncio.Event) -> None:
        known, waiters = self._waiting.get(key, (None, 0))
        if known is event:
            if waiters == 1:
                del self._waiting[key]
                self._published.pop(key, None)
            else:
                self._waiting[key] = (event, waiters - 1)
