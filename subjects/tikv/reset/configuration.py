"""Configuration that was changed while PD and the stores ran: remembered at first, and set back ever after.

PD keeps such changes for good. A store keeps them until it is restarted, or longer where it may write its file; where
it may not, it answers an order with an error and obeys all the same. So what counts is what is read afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from subjects.cluster import Answer
from subjects.protocol import Json, SubjectError
from subjects.tikv.members.pace import Pace
from subjects.tikv.members.pd import Pd, PdRefused
from subjects.tikv.members.place import Place
from subjects.tikv.members.store import ask_store
from subjects.tikv.members.wire import Settings, read, refusal
from subjects.tikv.reset.memory import Memory

PD_SECTIONS = {"schedule": "/pd/api/v1/config/schedule", "replication": "/pd/api/v1/config/replicate"}
PD_CONFIG = "/pd/api/v1/config"
STORE_CONFIG = "/config"

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


def replicas(memory: Memory) -> int:
    """How many replicas each region should have, by PD's remembered configuration; 0 where it does not say."""
    number = (memory.pd_settings or {}).get("replication.max-replicas")
    return number if isinstance(number, int) else 0


async def hold_pd(pd: Pd, memory: Memory) -> None:
    """PD's configuration as it is remembered. SubjectError with the key that does not go back."""

    async def look() -> Values:
        sections = {section: (await pd.get(path, Settings)).root for section, path in PD_SECTIONS.items()}
        return {key: value for key, value in flat(sections) if not key.startswith(LIVING)}

    async def order(key: str, value: Json) -> str:
        try:
            await pd.post(PD_CONFIG, {key: value})
        except PdRefused as refused:
            return str(refused)
        return ""

    memory.pd_settings = await _hold("PD", memory.pd_settings, look, order)


async def hold_stores(place: Place, pd: Pd, pods: Sequence[str], memory: Memory, pace: Pace) -> None:
    """Every store's configuration as it is remembered; waits until each of them answers."""
    ports = {pod: store.status_port for pod, store in (await pd.stores()).by_pod().items()}
    for pod in pods:
        await _hold_store(place, pod, ports.get(pod), memory, pace)


async def _hold_store(place: Place, name: str, port: int | None, memory: Memory, pace: Pace) -> None:
    async def ask(body: Values | None = None) -> Answer:
        while True:
            if (pod := (await place.tikv_pods()).get(name)) is not None:
                reply = await ask_store(place, pod, STORE_CONFIG, pace.limit, port=port, body=body)
                if reply.answer is not None:
                    return reply.answer
            await asyncio.sleep(pace.period)

    async def look() -> Values:
        found = read(Settings, await ask())
        if isinstance(found, str):
            raise SubjectError(f"{name} does not tell its configuration: {found}")
        return dict(flat(found.root))

    async def order(key: str, value: Json) -> str:
        answer = await ask({key: value})
        return "" if answer.status == 200 else refusal(answer)

    memory.store_settings[name] = await _hold(name, memory.store_settings.get(name), look, order)


async def _hold(whose: str, remembered: Values | None, look: Callable[[], Awaitable[Values]], order: Order) -> Values:
    now = await look()
    if remembered is None:
        return now
    said = {key: await order(key, value) for key, value in to_set_back(remembered, now).items()}
    if said:
        now = await look()
        for key, value in to_set_back(remembered, now).items():
            why = f" ({said[key]})" if said.get(key) else ""
            raise SubjectError(f"{whose}: {key} is {now.get(key)!r} and does not go back to {value!r}{why}")
    return remembered
