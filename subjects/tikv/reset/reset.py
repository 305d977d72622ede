"""Brings TiKV to its known state: what an attempt changed that outlives pods is set back, and the leaders are spread.

A reset sets back what changed while an attempt was running: between the end of the reset before it and its own end,
when its agent has left. What changed after that, or again after that, is the owner's, and is read anew as it is.

Every part can be repeated, and waits without limit for a PD that does not answer yet; the caller has a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TypeVar

from subjects.pods import member_names
from subjects.protocol import Json, Report, SubjectError, no_report
from subjects.retry import retry_until_reachable
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import SCHEDULERS, Pd, PdRefused, PdUnavailable
from subjects.tikv.members.queries import ROLES
from subjects.tikv.members.schemas import Store, Stores
from subjects.tikv.reset import settings
from subjects.tikv.reset.leaders import LEADER_SCHEDULERS, spread_leaders
from subjects.watching.polling import PollSettings
from subjects.workloads import wait_for_pods

T = TypeVar("T")

OFFLINE = "Offline"
TOMBSTONE = "Tombstone"

REMOVE_TOMBSTONES = "/pd/api/v1/stores/remove-tombstone"
"""It removes all of them."""

MAX_SCHEDULER_READS = 20
"""Reads of a PD that has no schedulers at all: a new leader of PD has none yet."""


# What is read --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AdminState:
    """What an administrator may change of PD and the stores, apart from their data, at one instant.

    `pd`: PD's settings by dotted key; `stores`: each store's, by pod; `store_states`: PD's word, by the store's id.
    """

    pd: Mapping[str, Json]
    stores: Mapping[str, Mapping[str, Json]]
    schedulers: frozenset[str]
    store_states: Mapping[int, str]

    @property
    def tombstones(self) -> frozenset[int]:
        """The stores of which PD keeps only a record."""
        return frozenset(number for number, state in self.store_states.items() if state == TOMBSTONE)


@dataclass(slots=True)
class KnownState:
    """What one subject object keeps from one reset for the next. Everything is None, or empty, until it has been read.

    It lives as long as the campaign's driver does. A new process begins with an empty one and takes what it finds for
    the known state; that is why nothing here may be needed to bring the system back.
    """

    cluster_id: int | None = None
    """PD's id of the cluster; another one means other data. None also while the system is being emptied."""

    before: AdminState | None = None
    """As it was at the end of the last reset that came to its end."""

    after: AdminState | None = None
    """As it was when the attempt after that ended; None where nobody could read it, so that it cannot be told apart."""

    attempt_running: bool = False
    """Whether an attempt has begun and not ended, so that its end is still to be noted."""

    split_keys: tuple[str, ...] | None = None
    """The keys at which regions begin (hex), but for the first, which begins before all keys."""

    replicas: dict[str, int] = field(default_factory=dict)
    """How many members each role has while it is not stopped."""

    @property
    def region_replicas(self) -> int:
        """How many replicas each region should have, by PD's settings at the last reset; 0 where it is unknown."""
        return settings.region_replicas(self.before.pd) if self.before is not None else 0

    def begin_attempt(self, found: AdminState) -> None:
        """The reset is done: this is what the attempt finds."""
        self.before, self.after, self.attempt_running = found, None, True


async def read_admin_state(
    endpoints: Endpoints, pd: Pd, pods: Sequence[str], polling: PollSettings, wait_for_stores: bool = True
) -> AdminState:
    """All of it. PdUnavailable where PD does not answer.

    Stores that do not answer are waited for, or left out without `wait_for_stores`: one that was broken has only just
    begun to start. What was set in such a store while it ran is gone with its process, unless it may write its file;
    that stays.
    """
    stores = await pd.stores()
    of_stores = [settings.of_store(endpoints, pod, stores, polling) for pod in pods]
    if wait_for_stores:
        values = {each.pod: await each.read() for each in of_stores}
    else:
        read = await asyncio.gather(*(each.read_once() for each in of_stores))
        values = {pod: found for pod, found in zip(pods, read, strict=True) if found is not None}
    return AdminState(
        pd=await settings.read_pd_settings(pd),
        stores=values,
        schedulers=await read_schedulers(pd, polling.period),
        store_states={each.store.id: each.store.state_name for each in stores.stores},
    )


async def read_schedulers(pd: Pd, period: float) -> frozenset[str]:
    """PD's schedulers; where there are none, it is read again a few times, `period` seconds apart."""
    for reads in count():
        if (found := await pd.schedulers()) or reads >= MAX_SCHEDULER_READS:
            return found
        await asyncio.sleep(period)
    raise AssertionError("unreachable")


# The reset -----------------------------------------------------------------------------------------------------------


async def restore(
    endpoints: Endpoints, pd: Pd, topology: Topology, known: KnownState, polling: PollSettings, report: Report
) -> None:
    """Return when what the last attempt changed is as it was before it, with leaders spread.

    Of an attempt whose end nobody could note, nothing is set back: it cannot be told from what others did since.
    SubjectError, with the reason, where something cannot be brought back without new data.
    """
    stores = member_names(topology.tikv)
    for role in ROLES:
        await wait_for_pods(topology.of(role), partial(endpoints.pods, role), polling.period, report)
    known.attempt_running = False
    await _retry(polling, report, lambda: _check_cluster_id(pd, known))
    if known.before is not None and known.after is not None:
        before, after = known.before, known.after
        await _retry(polling, report, lambda: undo_pd_changes(pd, before, after, stores, polling.period))
        await _retry(polling, report, lambda: settings.restore_pd_settings(pd, before.pd, after.pd))
        await _retry(polling, report, lambda: _restore_store_settings(endpoints, pd, before, after, polling))
    replicas = settings.region_replicas(await _retry(polling, report, lambda: settings.read_pd_settings(pd)))
    await spread_leaders(endpoints, pd, stores, replicas, polling, report)
    known.begin_attempt(await _retry(polling, report, lambda: read_admin_state(endpoints, pd, stores, polling)))


async def note_attempt_end(
    endpoints: Endpoints, pd: Pd, topology: Topology, known: KnownState, polling: PollSettings
) -> None:
    """Read what the running attempt leaves. Waits for PD without limit; where it is cancelled before, nobody knows."""
    if known.attempt_running:
        known.attempt_running = False
        pods = member_names(topology.tikv)
        known.after = await _retry(
            polling, no_report, lambda: read_admin_state(endpoints, pd, pods, polling, wait_for_stores=False)
        )


async def _restore_store_settings(
    endpoints: Endpoints, pd: Pd, before: AdminState, after: AdminState, polling: PollSettings
) -> None:
    stores = await pd.stores()
    for pod in before.stores.keys() & after.stores.keys():
        await settings.of_store(endpoints, pod, stores, polling).restore(before.stores[pod], after.stores[pod])


async def _check_cluster_id(pd: Pd, known: KnownState) -> None:
    """Its data must be that of the first reset: attempts on other data cannot be compared."""
    found = (await pd.members()).header.cluster_id
    if known.cluster_id is None:
        known.cluster_id = found
    if found != known.cluster_id:
        raise SubjectError(f"the cluster was replaced: its id is {found} and was {known.cluster_id}; its data is gone")


async def _retry(polling: PollSettings, report: Report, act: Callable[[], Awaitable[T]]) -> T:
    return await retry_until_reachable(act, report, polling.period, unreachable=PdUnavailable)


# Stores and schedulers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PdRequest:
    """A request to PD that undoes something."""

    method: str
    path: str


def store_requests(before: AdminState, after: AdminState, now: Stores, pods: Sequence[str]) -> Iterator[PdRequest]:
    """Requests that keep the stores of these pods and remove tombstones, where the attempt made them so.

    A store that was told to go, records of stores that went: these outlive pods. Tombstones are left where some were
    there before: PD removes all of them or none. SubjectError where PD was told that a store is destroyed and there is
    no other in its place, for PD does not take that back.
    """
    by_pod = now.by_pod()
    for pod in pods:
        store = by_pod.get(pod)
        if store is None or store.store.state_name != OFFLINE or not _set_offline(before, after, store.store.id):
            continue
        if store.store.physically_destroyed:
            raise SubjectError(f"{_name(store)} was declared destroyed, which cannot be undone")
        yield PdRequest("POST", f"/pd/api/v1/store/{store.store.id}/state?state=Up")
    tombstones = {store.store.id for store in now.stores if store.is_tombstone}
    if tombstones and not before.tombstones and tombstones <= after.tombstones:
        yield PdRequest("DELETE", REMOVE_TOMBSTONES)


def _set_offline(before: AdminState, after: AdminState, number: int) -> bool:
    return after.store_states.get(number) == OFFLINE and before.store_states.get(number, OFFLINE) != OFFLINE


def scheduler_requests(before: AdminState, after: AdminState, now: frozenset[str]) -> Iterator[PdRequest]:
    """Requests that remove what the attempt added and nobody leaves in place on purpose: schedulers of leaders."""
    added = (after.schedulers - before.schedulers) & now
    return (PdRequest("DELETE", f"{SCHEDULERS}/{name}") for name in sorted(added) if name.startswith(LEADER_SCHEDULERS))


async def undo_pd_changes(pd: Pd, before: AdminState, after: AdminState, pods: Sequence[str], period: float) -> None:
    """Undo what the attempt did to stores and schedulers, reading PD each `period` seconds; return when it is undone.

    SubjectError, with PD's words, where it refuses a request that is needed no less when it is read again. Paused gRPC
    on a store cannot be seen from outside and is not looked for.
    """
    refused: dict[PdRequest, PdRefused] = {}
    while True:
        schedulers = await read_schedulers(pd, period)
        needed = [
            *store_requests(before, after, await pd.stores(), pods),
            *scheduler_requests(before, after, schedulers),
        ]
        if not needed:
            return
        for request in needed:
            if request in refused:
                raise refused[request]
            try:
                await pd.request(request.path, method=request.method)
            except PdRefused as error:
                refused[request] = error
        await asyncio.sleep(period)


def _name(store: Store) -> str:
    return f"store {store.store.id} of {store.host}"
