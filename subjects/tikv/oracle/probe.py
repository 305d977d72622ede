"""A small client that writes one reserved key to every region, again and again: what service means is what it gets.

Writes overlap as polls do: one that was sent while a region had no leader may hang to its limit, and only a later one
shows that the region serves again. Of two writes to one region the one that was sent later counts.

The client is a real one and behaves like those of applications: it knows regions and leaders from its own cache, asks
PD when it is told that it is wrong, and does without PD while it is not. Its one weakness is a store that comes back
under another address, which a connection may take half a minute to find. So where a write fails, a fresh client, with
nothing cached, takes the next ones.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from subjects.cluster import ClusterUnreachable
from subjects.protocol import SubjectError
from subjects.tikv.members.client import connect
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.schemas import Region
from subjects.tikv.oracle.keys import reserved_key
from subjects.tikv.oracle.observations import Write
from subjects.tikv.oracle.turns import Turns
from subjects.watching.polling import PollSettings

if TYPE_CHECKING:
    from tikv import AsyncRawClient

VALUE = b"ok"

MAX_UNANSWERED = 3
"""Writes to one region that may hang at once."""

RENEW_SECONDS = 1.0
"""A client that fails is replaced, but no sooner than this after it was made."""

PATIENCE = 1.1
"""The client keeps its own limit and says what it waited for; only one that does not keep it is cut short."""

CAP = 32
"""Regions written to in one period; of more, some each time, in turn."""


class WriteProbe:
    """Writes for as long as `run` runs. `regions` tells what PD listed last."""

    def __init__(self, endpoints: Endpoints, polling: PollSettings, regions: Callable[[], Sequence[Region]]) -> None:
        self._endpoints = endpoints
        self._polling = polling
        self._regions = regions
        self._clock = asyncio.get_running_loop().time
        self._turns: Turns[int] = Turns(CAP)
        self._writes: dict[int, Write] = {}
        self._unanswered: Counter[int] = Counter()
        self._client: AsyncRawClient | None = None
        self._made = 0.0
        self._retired: set[asyncio.Task[None]] = set()
        self._on_change: Callable[[], None] = lambda: None

    def newest(self) -> Mapping[int, Write | None]:
        """The newest write to every region that may be written to, None where there is none that still holds."""
        since = self._clock() - self._polling.max_age - (self._turns.rounds() - 1) * self._polling.period
        held = {region_id: self._writes.get(region_id) for region_id in self._keys()}
        return {id_: write if write is not None and write.sent_at >= since else None for id_, write in held.items()}

    async def run(self, on_change: Callable[[], None]) -> None:
        """Write each period, until cancelled; `on_change` is called whenever a write has ended."""
        self._on_change = on_change
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                await self._renew()
                keys = self._keys()
                for region_id in self._turns.take(keys, self._failed, self._clock()):
                    if self._client is not None and self._unanswered[region_id] < MAX_UNANSWERED:
                        task = asyncio.create_task(self._write(self._client, region_id, keys[region_id]))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                await asyncio.sleep(self._polling.period)
        finally:
            for task in (*tasks, *self._retired):
                task.cancel()
            await asyncio.gather(*tasks, *self._retired, return_exceptions=True)
            if self._client is not None:
                await self._client.close()

    def _keys(self) -> dict[int, bytes]:
        keys = {region.id: reserved_key(region) for region in self._regions()}
        return {region_id: key for region_id, key in keys.items() if key is not None}

    def _failed(self, region_id: int) -> bool:
        write = self._writes.get(region_id)
        return write is None or write.error is not None

    async def _write(self, client: AsyncRawClient, region_id: int, key: bytes) -> None:
        asked = self._clock()
        self._unanswered[region_id] += 1
        try:
            async with asyncio.timeout(PATIENCE * self._polling.timeout):
                await client.put(key, VALUE)
            write = Write(asked)
        except Exception as error:  # a client's word for whatever went wrong; none of it may end the watch
            write = Write(asked, _words(error))
        finally:
            self._unanswered[region_id] -= 1
        held = self._writes.get(region_id)
        if held is None or asked >= held.sent_at:
            self._writes[region_id] = write
        self._on_change()

    # The client ------------------------------------------------------------------------------------------------------

    async def _renew(self) -> None:
        """A client, if there is none; a fresh one, if the present one fails."""
        failing = any(write.error is not None and write.sent_at >= self._made for write in self._writes.values())
        if self._client is not None and not (failing and self._clock() - self._made > RENEW_SECONDS):
            return
        # What keeps us from a fresh one must not keep the old one from its writes for long.
        with suppress(SubjectError, ClusterUnreachable, TimeoutError):
            async with asyncio.timeout(self._polling.timeout):
                client = await connect(self._endpoints, self._polling.timeout)
            if client is not None:
                if self._client is not None:
                    self._retire(self._client)
                self._client, self._made = client, self._clock()

    def _retire(self, client: AsyncRawClient) -> None:
        """Let its last writes end, then close it."""

        async def close() -> None:
            await asyncio.sleep(2 * self._polling.timeout)
            await client.close()

        task = asyncio.create_task(close())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)


def _words(error: Exception) -> str:
    cause = error.__cause__ or error
    details = getattr(cause, "details", None)  # gRPC's errors say it there, and much else in str()
    text = details() if callable(details) else str(cause)
    said = " ".join(str(text or "").split()) or type(cause).__name__
    return f"{type(error).__name__}: {said}"[:200]
