"""Brings TiKV to its known state: reverts what an attempt changed that outlives pods, and spreads the leaders.

A reset reverts what changed while an attempt was running: from the end of the reset before it to the end of the
attempt, when its agent has stopped. What changed after that belongs to the owner and becomes part of the known state.

Every part can be repeated, and waits without limit for a PD that does not answer yet; the caller sets a limit.
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
from subjects.tikv.members.schemas import StoreInfo, Stores
from subjects.tikv.reset import settings
from subjects.tikv.reset.leaders import LEADER_SCHEDULERS, spread_leaders
from subjects.watching.polling import PollSettings
from subjects.workloads import wait_for_pods

T = TypeVar("T")

OFFLINE = "Offline"
TOMBSTONE = "Tombstone"

REMOVE_TOMBSTONES = "/pd/api/v1/stores/remove-tombstone"
"""A request that removes all tombstones."""

MAX_SCHEDULER_READS = 20
"""How often schedulers are read while PD has none: a new leader of PD has none yet."""


# What is read --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AdminState:
    """What an administrator may change of PD and the stores, apart from their data, at one instant.

    `pd` has PD's settings by dotted key, `stores` each store's settings by pod, and `store_states` the state of each
    store as PD reports it, by the store's id.
    """

    pd: Mapping[str, Json]
    stores: Mapping[str, Mapping[str, Json]]
    schedulers: frozenset[str]
    store_states: Mapping[int, str]

    @property
    def tombstones(self) -> frozenset[int]:
        """The ids of stores that have left, of which PD keeps a record."""
        return frozenset(number for number, state in self.store_states.items() if state == TOMBSTONE)


@dataclass(slots=True)
class KnownState:
    """What a subject object keeps from one reset to the next. Everything is None, or empty, until it has been read.

    It exists as long as the campaign's driver. A new process begins with an empty one and takes the state that it finds
    for the known state; so nothing in it may be necessary to repair the system.
    """

    cluster_id: int | None = None
    """PD's id of the cluster; another id means other data. None also while the system is being emptied."""

    before: AdminState | None = None
    """The state at the end of the last complete reset."""

    after: AdminState | None = None
    """The state when the attempt after that ended; None where it could not be read."""

    attempt_running: bool = False
    """Whether an attempt has begun, and the state at its end is still to be read."""

    split_keys: tuple[str, ...] | None = None
    """The keys at which regions begin (hex), without the first region, which begins before all keys."""

    replicas: dict[str, int] = field(default_factory=dict)
    """The number of members of each role while it is not stopped."""

    @property
    def region_replicas(self) -> int:
        """How many replicas each region should have, by PD's settings at the last reset; 0 where it is unknown."""
        return settings.region_replicas(self.before.pd) if self.before is not None else 0

    def begin_attempt(self, state: AdminState) -> None:
        """Keeps the state that the attempt finds after the reset."""
        self.before, self.after, self.attempt_running = state, None, True


async def read_admin_state(
    endpoints: Endpoints, pd: Pd, pods: Sequence[str], polling: PollSettings, wait_for_stores: bool = True
) -> AdminState:
    """Returns the whole state. Raises PdUnavailable where PD does not answer.

    It waits for stores that do not answer, or leaves them out without `wait_for_stores`: one that was broken may still
    be starting. The settings of such a store were lost with its process, unless it could write its file; those stay.
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
    """Returns PD's schedulers; where there are none, it reads again a few times, every `period` seconds."""
    for reads in count():
        if (found := await pd.schedulers()) or reads >= MAX_SCHEDULER_READS:
            return found
        await asyncio.sleep(period)
    raise AssertionError("unreachable")


# The reset -----------------------------------------------------------------------------------------------------------


async def restore(
    endpoints: Endpoints, pd: Pd, topology: Topology, known: KnownState, polling: PollSettings, report: Report
) -> None:
    """Reverts what the last attempt changed, and spreads the leaders; returns when both are done.

    Nothing is reverted where the state at the attempt's end is unknown: the attempt's changes cannot be distinguished
    from those of others after it. Raises SubjectError where something cannot be repaired without new data.
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
    """Reads the state that the running attempt leaves. Waits for PD without limit; if cancelled it stays unknown."""
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
    """Checks that the data is that of the first reset: attempts on other data cannot be compared."""
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
    """A request to PD that reverts a change."""

    method: str
    path: str


def store_requests(before: AdminState, after: AdminState, now: Stores, pods: Sequence[str]) -> Iterator[PdRequest]:
    """Yields requests that bring back stores which the attempt took offline, and remove tombstones that it left.

    Both outlive pods. Tombstones stay where some were there before, because PD removes all of them or none. Raises
    SubjectError where a store was declared destroyed and has no replacement, because PD cannot revert that.
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
    """Yields requests that remove the schedulers of leaders that the attempt added; people add them for a time only."""
    added = (after.schedulers - before.schedulers) & now
    return (PdRequest("DELETE", f"{SCHEDULERS}/{name}") for name in sorted(added) if name.startswith(LEADER_SCHEDULERS))


async def undo_pd_changes(pd: Pd, before: AdminState, after: AdminState, pods: Sequence[str], period: float) -> None:
    """Reverts what the attempt changed in stores and schedulers, polling PD every `period` seconds; returns when done.

    Raises PdRefused, with PD's message, where PD refuses a request that is still needed when its state is read again.
    It cannot see paused gRPC on a store.
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


def _name(store: StoreInfo) -> str:
    return f"store {store.store.id} of {store.host}"
