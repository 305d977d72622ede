"""What PD and the stores hold beside their data, at one instant, and what an attempt has changed of it.

A reset sets back what changed while an attempt was under way: between the end of the reset before it and its own end,
when its agent has left. What changed after that, or again after that, is the owner's, and is learnt as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from subjects.protocol import Json
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.pd import Pd
from subjects.tikv.members.schemas import Stores
from subjects.tikv.reset import configuration
from subjects.watching.polling import PollSettings

PATIENCE = 20
"""Looks at a PD that has no schedulers at all: a new leader of PD has none yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`pd`: PD's configuration by dotted key; `stores`: each store's, by pod; `states`: by the store's id."""

    pd: Mapping[str, Json]
    stores: Mapping[str, Mapping[str, Json]]
    schedulers: frozenset[str]
    states: Mapping[int, str]

    @property
    def buried(self) -> frozenset[int]:
        """The stores of which PD keeps only a record."""
        return frozenset(number for number, state in self.states.items() if state == "Tombstone")


def states_of(stores: Stores) -> dict[int, str]:
    """The stores' states by id."""
    return {each.store.id: each.store.state_name for each in stores.stores}


async def schedulers_of(pd: Pd, period: float) -> frozenset[str]:
    """PD's schedulers; a few looks, `period` seconds apart, are spent on waiting for some."""
    for look in count():
        if (found := await pd.schedulers()) or look >= PATIENCE:
            return found
        await asyncio.sleep(period)
    raise AssertionError("unreachable")


async def look(endpoints: Endpoints, pd: Pd, pods: Sequence[str], polling: PollSettings) -> Standing:
    """All of it. Waits for stores that do not answer; PdUnavailable where PD does not."""
    stores = await pd.stores()
    settings = {pod: await configuration.of_store(endpoints, pod, stores, polling).look() for pod in pods}
    return await _of_pd(pd, stores, settings, polling)


async def glance(endpoints: Endpoints, pd: Pd, pods: Sequence[str], polling: PollSettings) -> Standing:
    """As `look`, without stores that do not answer at once: one that was broken has only just begun to start.

    What was set in such a store while it ran is gone with its process, unless it may write its file; that stays.
    """
    stores = await pd.stores()
    told = await asyncio.gather(*(configuration.of_store(endpoints, pod, stores, polling).glance() for pod in pods))
    settings = {pod: values for pod, values in zip(pods, told, strict=True) if values is not None}
    return await _of_pd(pd, stores, settings, polling)


async def _of_pd(pd: Pd, stores: Stores, settings: Mapping[str, Mapping[str, Json]], polling: PollSettings) -> Standing:
    return Standing(
        pd=await configuration.look_at_pd(pd),
        stores=settings,
        schedulers=await schedulers_of(pd, polling.period),
        states=states_of(stores),
    )
