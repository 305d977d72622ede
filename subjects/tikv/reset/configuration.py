"""Configuration that an attempt changed while PD and the stores ran: seen before and after it, and set back.

PD keeps such changes for good. A store keeps them until it is restarted, or longer where it may write its file; where
it may not, it answers an order with an error and obeys all the same. So what counts is what is read afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from subjects.cluster import Answer
from subjects.protocol import Json, SubjectError
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.pd import Pd, PdRefused
from subjects.tikv.members.queries import STORE_CONFIG
from subjects.tikv.members.schemas import Settings, Stores, read, refusal
from subjects.watching.polling import PollSettings

PD_SECTIONS = {"schedule": "/pd/api/v1/config/schedule", "replication": "/pd/api/v1/config/replicate"}
PD_CONFIG = "/pd/api/v1/config"

LIVING = ("schedule.store-limit.", "schedule.schedulers")
"""What these begin PD keeps by itself: an entry for every store, and a copy of its schedulers' state."""

Values = Mapping[str, Json]
Order = Callable[[str, Json], Awaitable[str]]
"""Sets a key to a value; returns what was said against it."""


def flat(tree: Values, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """The leaves of a tree, by dotted key. A list is a leaf."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def changed_by_attempt(before: Values, after: Values, now: Values) -> dict[str, Json]:
    """What to set back: what the attempt changed and nobody has changed since, with the value before it."""
    return {key: value for key, value in to_set_back(before, after).items() if _same(after, now, key)}


def _same(after: Values, now: Values, key: str) -> bool:
    return (key in after) == (key in now) and after.get(key) == now.get(key)


def to_set_back(remembered: Values, now: Values) -> dict[str, Json]:
    """What differs from what is remembered, with the remembered value. A key that is left out stands for nothing."""
    wanted = {key: remembered.get(key, _nothing(value)) for key, value in now.items()}
    wanted |= {key: value for key, value in remembered.items() if key not in now and value != _nothing(value)}
    return {key: value for key, value in wanted.items() if key not in now or now[key] != value}


def _nothing(value: Json) -> Json:
    """What Go leaves out of JSON where a value like this one would stand. PD writes true and false as strings."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return "false" if value in ("true", "false") else ""
    return 0 if isinstance(value, int | float) else None


def region_replicas(pd: Values) -> int:
    """How many replicas each region should have, by PD's configuration; 0 where it does not say."""
    number = pd.get("replication.max-replicas")
    return number if isinstance(number, int) else 0


async def look_at_pd(pd: Pd) -> Values:
    """PD's configuration, but for what PD keeps by itself."""
    sections = {section: (await pd.get(path, Settings)).root for section, path in PD_SECTIONS.items()}
    return {key: value for key, value in flat(sections) if not key.startswith(LIVING)}


async def restore_pd(pd: Pd, before: Values, after: Values) -> None:
    """Set back what the attempt changed. SubjectError with the key that does not go back."""

    async def order(key: str, value: Json) -> str:
        try:
            await pd.post(PD_CONFIG, {key: value})
        except PdRefused as refused:
            return str(refused)
        return ""

    await _restore("PD", before, after, lambda: look_at_pd(pd), order)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The settings of the store in a pod, on the port that PD names. All but a glance wait until it answers."""

    endpoints: Endpoints
    pod: str
    port: int | None
    polling: PollSettings

    async def look(self) -> Values:
        """What it is set to. SubjectError where it does not tell."""
        found = read(Settings, await self._ask())
        if isinstance(found, str):
            raise SubjectError(f"{self.pod} does not tell its configuration: {found}")
        return dict(flat(found.root))

    async def glance(self) -> Values | None:
        """What it is set to; None where it does not tell at once."""
        answer = await self._ask_once()
        found = read(Settings, answer) if answer is not None else ""
        return None if isinstance(found, str) else dict(flat(found.root))

    async def restore(self, before: Values, after: Values) -> None:
        """Set back what the attempt changed. SubjectError with the key that does not go back."""
        await _restore(self.pod, before, after, self.look, self._order)

    async def _order(self, key: str, value: Json) -> str:
        answer = await self._ask({key: value})
        return "" if answer.status == 200 else refusal(answer)

    async def _ask(self, body: Values | None = None) -> Answer:
        while True:
            if (answer := await self._ask_once(body)) is not None:
                return answer
            await asyncio.sleep(self.polling.period)

    async def _ask_once(self, body: Values | None = None) -> Answer | None:
        pod = (await self.endpoints.tikv_pods()).get(self.pod)
        if pod is None:
            return None
        query = replace(STORE_CONFIG, port=self.port)
        return (await self.endpoints.query(query, pod, self.polling.timeout, body)).answer


def of_store(endpoints: Endpoints, pod: str, stores: Stores, polling: PollSettings) -> StoreSettings:
    """The settings of the store in this pod."""
    store = stores.by_pod().get(pod)
    return StoreSettings(endpoints, pod, store.status_port if store is not None else None, polling)


async def _restore(
    whose: str, before: Values, after: Values, look: Callable[[], Awaitable[Values]], order: Order
) -> None:
    wanted = changed_by_attempt(before, after, await look())
    said = {key: await order(key, value) for key, value in wanted.items()}
    if not said:
        return
    now = await look()
    for key, value in to_set_back(before, now).items():
        if key in wanted:
            why = f" ({said[key]})" if said.get(key) else ""
            raise SubjectError(f"{whose}: {key} is {now.get(key)!r} and does not go back to {value!r}{why}")
