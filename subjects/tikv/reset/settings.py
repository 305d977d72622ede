"""Reads the settings of PD and the stores before and after an attempt, and restores those that it changed.

PD keeps changed settings for good. A store keeps them until it restarts, or for good where it can write its file. Where
it cannot, it answers a change with an error and still applies it. So success is decided by reading the setting again.
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
from subjects.tikv.members.schemas import Configuration, Stores, read, refusal
from subjects.watching.polling import PollSettings

PD_SECTIONS = {"schedule": "/pd/api/v1/config/schedule", "replication": "/pd/api/v1/config/replicate"}
PD_CONFIG = "/pd/api/v1/config"

SELF_MANAGED = ("schedule.store-limit.", "schedule.schedulers")
"""Prefixes of the settings that PD maintains itself: an entry for every store, and its schedulers' state."""

Values = Mapping[str, Json]
SetValue = Callable[[str, Json], Awaitable[str]]
"""Sets a key to a value; returns an error message, which is empty where there is none."""


def flatten(tree: Values, prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Yields the leaves of a tree, by dotted key. A list is a leaf."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def changed_by_attempt(before: Values, after: Values, now: Values) -> dict[str, Json]:
    """Returns the values from before the attempt of all settings that it changed and nobody has changed since."""
    return {key: value for key, value in values_to_restore(before, after).items() if _same(after, now, key)}


def _same(after: Values, now: Values, key: str) -> bool:
    return (key in after) == (key in now) and after.get(key) == now.get(key)


def values_to_restore(remembered: Values, now: Values) -> dict[str, Json]:
    """Returns the remembered values of the settings that differ. A key that is left out has its zero value."""
    wanted = {key: remembered.get(key, _zero_value(value)) for key, value in now.items()}
    wanted |= {key: value for key, value in remembered.items() if key not in now and value != _zero_value(value)}
    return {key: value for key, value in wanted.items() if key not in now or now[key] != value}


def _zero_value(value: Json) -> Json:
    """Returns the zero value of this value's type, which Go leaves out of JSON. PD writes booleans as strings."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return "false" if value in ("true", "false") else ""
    return 0 if isinstance(value, int | float) else None


def region_replicas(pd: Values) -> int:
    """Returns how many replicas each region should have, by PD's configuration; 0 where that is unknown."""
    number = pd.get("replication.max-replicas")
    return number if isinstance(number, int) else 0


async def read_pd_settings(pd: Pd) -> Values:
    """PD's configuration, but for what PD keeps by itself."""
    sections = {section: (await pd.get(path, Configuration)).root for section, path in PD_SECTIONS.items()}
    return {key: value for key, value in flatten(sections) if not key.startswith(SELF_MANAGED)}


async def restore_pd_settings(pd: Pd, before: Values, after: Values) -> None:
    """Restores what the attempt changed. Raises SubjectError, with the key, where a value cannot be restored."""

    async def set_value(key: str, value: Json) -> str:
        try:
            await pd.post(PD_CONFIG, {key: value})
        except PdRefused as refused:
            return str(refused)
        return ""

    await _restore("PD", before, after, lambda: read_pd_settings(pd), set_value)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The settings of the store in a pod, on the port that PD reports. All but `read_once` wait until it answers."""

    endpoints: Endpoints
    pod: str
    port: int | None
    polling: PollSettings

    async def read(self) -> Values:
        """Returns the settings. Raises SubjectError where the store refuses to show them."""
        found = read(Configuration, await self._query())
        if isinstance(found, str):
            raise SubjectError(f"{self.pod} does not tell its configuration: {found}")
        return dict(flatten(found.root))

    async def read_once(self) -> Values | None:
        """Returns the settings; None where the store does not answer at once."""
        answer = await self._query_once()
        found = read(Configuration, answer) if answer is not None else ""
        return None if isinstance(found, str) else dict(flatten(found.root))

    async def restore(self, before: Values, after: Values) -> None:
        """Restores what the attempt changed. Raises SubjectError, with the key, where a value cannot be restored."""
        await _restore(self.pod, before, after, self.read, self._set_value)

    async def _set_value(self, key: str, value: Json) -> str:
        answer = await self._query({key: value})
        return "" if answer.status == 200 else refusal(answer)

    async def _query(self, body: Values | None = None) -> Answer:
        while True:
            if (answer := await self._query_once(body)) is not None:
                return answer
            await asyncio.sleep(self.polling.period)

    async def _query_once(self, body: Values | None = None) -> Answer | None:
        pod = (await self.endpoints.tikv_pods()).get(self.pod)
        if pod is None:
            return None
        query = replace(STORE_CONFIG, port=self.port)
        return (await self.endpoints.query(query, pod, self.polling.timeout, body)).answer


def of_store(endpoints: Endpoints, pod: str, stores: Stores, polling: PollSettings) -> StoreSettings:
    """Returns the settings of the store in this pod."""
    store = stores.by_pod().get(pod)
    return StoreSettings(endpoints, pod, store.status_port if store is not None else None, polling)


async def _restore(
    owner: str, before: Values, after: Values, read_now: Callable[[], Awaitable[Values]], set_value: SetValue
) -> None:
    wanted = changed_by_attempt(before, after, await read_now())
    errors = {key: await set_value(key, value) for key, value in wanted.items()}
    if not errors:
        return
    now = await read_now()
    for key, value in values_to_restore(before, now).items():
        if key in wanted:
            why = f" ({errors[key]})" if errors.get(key) else ""
            raise SubjectError(f"{owner}: {key} is {now.get(key)!r} and does not go back to {value!r}{why}")
