"""What an attempt left behind in PD: seen before and after it, and undone by order.

A store that was told to go, records of stores that went, and schedulers that keep leaders on or off a store: all of
them outlive their pods. What stood before the attempt, or came after it, is the owner's: a store that he takes out of
service goes. Paused gRPC on a store cannot be seen from outside and is not looked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from subjects.protocol import SubjectError
from subjects.tikv.members.pd import SCHEDULERS, Pd, PdRefused
from subjects.tikv.members.schemas import Store, Stores
from subjects.tikv.reset.standing import Standing, schedulers_of

UNWANTED = ("evict-leader-scheduler", "grant-leader-scheduler")
"""Schedulers that somebody adds for a while. Some versions append a store's id to the name."""

OFFLINE = "Offline"

REMOVE_TOMBSTONES = "/pd/api/v1/stores/remove-tombstone"
"""It removes all of them."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request that undoes something."""

    method: str
    path: str


def of_stores(before: Standing, after: Standing, now: Stores, pods: Sequence[str]) -> Iterator[Order]:
    """Orders that keep the stores of these pods and forget the buried ones, where the attempt made them so.

    Records of buried stores are left where some were there before: PD removes all of them or none. SubjectError where
    PD was told that a store is destroyed and there is no other in its place, for PD does not take that back.
    """
    by_pod = now.by_pod()
    for pod in pods:
        store = by_pod.get(pod)
        if store is None or store.store.state_name != OFFLINE or not _told_to_go(before, after, store.store.id):
            continue
        if store.store.physically_destroyed:
            raise SubjectError(f"{_named(store)} was declared destroyed, which cannot be undone")
        yield Order("POST", f"/pd/api/v1/store/{store.store.id}/state?state=Up")
    buried = {store.store.id for store in now.stores if store.is_tombstone}
    if buried and not before.buried and buried <= after.buried:
        yield Order("DELETE", REMOVE_TOMBSTONES)


def _told_to_go(before: Standing, after: Standing, number: int) -> bool:
    return after.states.get(number) == OFFLINE and before.states.get(number, OFFLINE) != OFFLINE


def of_schedulers(before: Standing, after: Standing, now: frozenset[str]) -> Iterator[Order]:
    """Orders that remove what the attempt added and nobody leaves in place on purpose."""
    added = (after.schedulers - before.schedulers) & now
    return (Order("DELETE", f"{SCHEDULERS}/{name}") for name in sorted(added) if name.startswith(UNWANTED))


async def undo(pd: Pd, before: Standing, after: Standing, pods: Sequence[str], period: float) -> None:
    """Undo it all, looking each `period` seconds; return when nothing of it is to be seen.

    SubjectError, with PD's words, where it refuses an order and the next look finds it no less needed.
    """
    refused: dict[Order, PdRefused] = {}
    while True:
        found = await schedulers_of(pd, period)
        orders = [*of_stores(before, after, await pd.stores(), pods), *of_schedulers(before, after, found)]
        if not orders:
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
