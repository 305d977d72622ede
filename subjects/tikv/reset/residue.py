"""What earlier trials, or agents, left behind in PD: found by looking, and undone by order.

A store that was told to go, records of stores that went, and schedulers that keep leaders on or off a store: all of
them outlive their pods. Paused gRPC on a store cannot be seen from outside and is not looked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from subjects.protocol import SubjectError
from subjects.tikv.members.pd import SCHEDULERS, Pd, PdRefused
from subjects.tikv.members.wire import Store, Stores

UNWANTED = ("evict-leader-scheduler", "grant-leader-scheduler")
"""Schedulers that somebody adds for a while. Some versions append a store's id to the name."""

REMOVE_TOMBSTONES = "/pd/api/v1/stores/remove-tombstone"

PATIENCE = 20
"""Looks at a PD that has no schedulers at all."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request that undoes something."""

    method: str
    path: str


def of_stores(stores: Stores, pods: Sequence[str]) -> Iterator[Order]:
    """Orders that keep the stores of these pods and forget the buried ones.

    Living stores of other pods are left alone: they may be meant to go, or be none of ours. SubjectError where PD was
    told that a store is destroyed and there is no other in its place, for PD does not take that back.
    """
    by_pod = stores.by_pod()
    for pod in pods:
        store = by_pod.get(pod)
        if store is not None and store.store.state_name == "Offline":
            if store.store.physically_destroyed:
                raise SubjectError(f"{_named(store)} was declared destroyed, which cannot be undone")
            yield Order("POST", f"/pd/api/v1/store/{store.store.id}/state?state=Up")
    if any(store.buried for store in stores.stores):
        yield Order("DELETE", REMOVE_TOMBSTONES)


def of_schedulers(found: frozenset[str]) -> Iterator[Order]:
    """Orders that remove what nobody leaves in place on purpose."""
    return (Order("DELETE", f"{SCHEDULERS}/{name}") for name in sorted(found) if name.startswith(UNWANTED))


async def undo(pd: Pd, pods: Sequence[str], period: float) -> None:
    """Undo it all, looking each `period` seconds; return when nothing of it is to be seen.

    A new leader of PD has no schedulers yet, so a few looks are spent on waiting for some. SubjectError, with PD's
    words, where it refuses an order and the next look finds it no less needed.
    """
    refused: dict[Order, PdRefused] = {}
    for look in count():
        found = await pd.schedulers()
        orders = [*of_stores(await pd.stores(), pods), *of_schedulers(found)]
        if not orders and (found or look >= PATIENCE):
            return
        for order in orders:
            if order in refused:
                raise refused[order]
            try:
                await pd.request(order.path, method=order.method)
            except PdRefused as no:
                refused[order] = no
        await asyncio.sleep(period)


def _named(store: Store) -> str:
    return f"store {store.store.id} of {store.host}"
