"""How many campaigns of one namespace are active at a time: whoever may create some may not wear the others down.

An active campaign asks for consent, holds a token and waits for its subject. The others wait for a place, the eldest
first, and ask nobody anything. Who has begun its trials, or holds its subject, never waits: the others wait for it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from controller.records import CampaignRow

MOST_ACTIVE = 100
"""By default. Campaigns of one namespace that wait for one subject need no more: one of them runs at a time."""

Age = tuple[str, str, str]


@dataclass(slots=True)
class _Namespace:
    active: set[str] = field(default_factory=set)
    waiting: dict[str, tuple[Age, asyncio.Event]] = field(default_factory=dict)


class Places:
    """One object for the process. `most` of one namespace at a time; 0 is no limit."""

    def __init__(self, most: int = MOST_ACTIVE) -> None:
        self.most = most
        self._namespaces: defaultdict[str, _Namespace] = defaultdict(_Namespace)

    @asynccontextmanager
    async def hold(
        self, campaign: CampaignRow, entitled: bool, until: Callable[[asyncio.Event], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Have a place for as long as the block lasts; where there is none yet, `until` waits for the event it gets.

        What `until` raises comes through: there is no place then.
        """
        there = self._namespaces[campaign.namespace]
        if not entitled and self.most and (len(there.active) >= self.most or there.waiting):
            await self._wait(there, campaign, until)
        there.active.add(campaign.uid)
        try:
            yield
        finally:
            there.active.discard(campaign.uid)
            self._let_in(there)

    async def _wait(
        self, there: _Namespace, campaign: CampaignRow, until: Callable[[asyncio.Event], Awaitable[None]]
    ) -> None:
        called = asyncio.Event()
        age = (campaign.created_at.isoformat(), campaign.name, campaign.uid)
        there.waiting[campaign.uid] = (age, called)
        try:
            self._let_in(there)
            if not called.is_set():
                await until(called)
        except BaseException:
            there.active.discard(campaign.uid)  # it may have been called in this very moment
            raise
        finally:
            there.waiting.pop(campaign.uid, None)
            self._let_in(there)

    def _let_in(self, there: _Namespace) -> None:
        """Call the eldest who wait, as many as there are places. A place is theirs from then on."""
        while there.waiting and len(there.active) < self.most:
            uid, (_, called) = min(there.waiting.items(), key=lambda each: each[1][0])
            del there.waiting[uid]
            there.active.add(uid)
            called.set()
