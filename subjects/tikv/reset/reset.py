"""Bringing TiKV to its known state: its pods, what outlives pods, and where leaders sit.

Every part can be repeated, and waits without limit for a PD that does not answer yet; the caller has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from subjects.podchaos.healing import heal
from subjects.pods import member_names
from subjects.protocol import SubjectError
from subjects.tikv.members.pace import Pace
from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.place import Layout, Place
from subjects.tikv.members.questions import ROLES
from subjects.tikv.reset import configuration, residue
from subjects.tikv.reset.memory import Memory
from subjects.tikv.reset.spread import spread_leaders


async def restore(place: Place, pd: Pd, layout: Layout, memory: Memory, pace: Pace) -> None:
    """Return when all is as the first reset of this memory found it, with leaders spread.

    SubjectError, with the reason, where something cannot be brought back without new data.
    """
    stores = member_names(layout.tikv)
    for role in ROLES:
        await heal(place.context, layout.of(role), partial(place.pods, role), pace.period)
    await _patiently(pace, lambda: _recognise(pd, memory))
    await _patiently(pace, lambda: residue.undo(pd, stores, pace.period))
    await _patiently(pace, lambda: configuration.hold_pd(pd, memory))
    await _patiently(pace, lambda: configuration.hold_stores(place, pd, stores, memory, pace))
    await spread_leaders(place, pd, stores, configuration.replicas(memory), pace)


async def _recognise(pd: Pd, memory: Memory) -> None:
    """Its data must be that of the first reset: attempts on other data cannot be compared."""
    found = (await pd.members()).header.cluster_id
    if memory.cluster_id is None:
        memory.cluster_id = found
    if found != memory.cluster_id:
        raise SubjectError(f"the cluster was replaced: its id is {found} and was {memory.cluster_id}; its data is gone")


async def _patiently(pace: Pace, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await act()
        except PdUnavailable:
            await asyncio.sleep(pace.period)
