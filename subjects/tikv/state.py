"""The state of a TiKV at one instant, as JSON for the record: all queries are sent at once.

Everything is keyed by a name, and nothing in it changes while the system is left alone, so that two states differ in
what happened between them. What did not answer is recorded as an `error`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from subjects.cluster import ClusterError, MemberUnreachable, Pod
from subjects.pods import describe_pod, describe_workload
from subjects.protocol import Json, SubjectError
from subjects.tikv.members.endpoints import Endpoints, Topology
from subjects.tikv.members.pd import Pd
from subjects.tikv.members.queries import HEALTH, PD, PING, ROLES, TIKV
from subjects.tikv.members.schemas import (
    JsonList,
    MemberHealthList,
    MemberList,
    Peer,
    Region,
    Regions,
    StoreInfo,
    Stores,
    refusal,
)
from subjects.tikv.oracle.verdict import ORACLE_VERSION
from subjects.tikv.reset.leaders import OPERATORS

T = TypeVar("T")

MAX_REGIONS = 200
"""Regions that are described one by one. All are counted."""

Part = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What every query returned; a message where there was no good answer.

    `ping_errors` is, by the pod of a PD member, why it does not answer; None where it does.
    """

    ping_errors: Mapping[str, str | None]
    members: MemberList | str
    health: MemberHealthList | str
    stores: Stores | str
    regions: Regions | str
    schedulers: frozenset[str] | str
    operators: JsonList | str


async def capture(endpoints: Endpoints, topology: Topology, timeout: float) -> dict[str, Json]:
    """Returns pods, members, stores and regions as they are now; each request has `timeout` seconds.

    What does not answer is part of it. Raises SubjectError only where Kubernetes does not list the pods.
    """
    pd_pods, tikv_pods = await endpoints.pods(PD), await endpoints.pods(TIKV)
    pd = Pd(endpoints, timeout)
    members, health, stores, regions, schedulers, operators = await asyncio.gather(
        _value_or_error(pd.members()),
        _value_or_error(pd.get(HEALTH.path, MemberHealthList)),
        _value_or_error(pd.stores()),
        _value_or_error(pd.regions()),
        _value_or_error(pd.schedulers()),
        _value_or_error(pd.get(OPERATORS, JsonList)),
    )
    errors = await asyncio.gather(*(_ping_error(endpoints, pod, timeout) for pod in pd_pods.values()))
    ping_errors = dict(zip(pd_pods, errors, strict=True))
    snapshot = Snapshot(ping_errors, members, health, stores, regions, schedulers, operators)
    probe = "write" if endpoints.options.writes else "none"
    return {"oracle": ORACLE_VERSION, "probe": probe, **describe(topology, {**pd_pods, **tikv_pods}, snapshot)}


async def _value_or_error(answer: Awaitable[T]) -> T | str:
    try:
        return await answer
    except SubjectError as error:
        return str(error)


async def _ping_error(endpoints: Endpoints, pod: Pod, timeout: float) -> str | None:
    """Returns why this member of PD does not answer; None where it does."""
    if pod.ip is None:
        return "the pod has no address"
    try:
        answer = await endpoints.request(PD, pod, PING.path, timeout)
    except (MemberUnreachable, ClusterError) as error:
        return str(error) or type(error).__name__
    return None if answer.status == 200 else refusal(answer)


def describe(topology: Topology, pods: Mapping[str, Pod], snapshot: Snapshot) -> Part:
    """Returns the state. Leaders are named by pod; null where there is none. Pure."""
    return {
        "workloads": {role: describe_workload(topology.of(role)) for role in ROLES},
        "pods": {name: describe_pod(pod) for name, pod in sorted(pods.items())},
        "pd": _pd(snapshot),
        "stores": _stores(snapshot.stores),
        "regions": _regions(snapshot.regions, snapshot.stores),
        "schedulers": _error(snapshot.schedulers) or dict.fromkeys(sorted(snapshot.schedulers), True),
        "operators": _error(snapshot.operators) or _count(snapshot.operators),
    }


def _pd(snapshot: Snapshot) -> Part:
    """Ids are strings: they are too long for some readers of JSON."""
    members: dict[str, Part] = {pod: {"error": why} if why else {} for pod, why in snapshot.ping_errors.items()}
    if not isinstance(snapshot.health, str):
        for each in snapshot.health.root:
            members.setdefault(each.pod, {})["healthy"] = each.health
    if isinstance(snapshot.members, str):
        cluster: Part = {"error": snapshot.members, "leader": None}
    else:
        leader = snapshot.members.leader
        cluster = {"clusterId": str(snapshot.members.header.cluster_id), "leader": leader.pod if leader else None}
        for member in snapshot.members.members:
            members.setdefault(member.pod, {})["version"] = member.binary_version
    return cluster | {"members": dict(sorted(members.items()))}


def _stores(stores: Stores | str) -> Part:
    """Returns the stores by pod. One that was replaced by another store on its pod has its id in its name."""
    if isinstance(stores, str):
        return {"error": stores}
    names = _names(stores)
    described = {names[store.store.id]: _store(store) for store in stores.stores}
    return dict(sorted(described.items()))


def _store(store: StoreInfo) -> Part:
    return {
        "id": store.store.id,
        "state": store.store.state_name,
        "version": store.store.version,
        "address": store.store.address,
        "leaders": store.status.leader_count,
        "regions": store.status.region_count,
    }


def _names(stores: Stores) -> dict[int, str]:
    names = {store.store.id: f"{store.host}#{store.store.id}" for store in stores.stores}
    return names | {store.store.id: pod for pod, store in stores.by_pod().items()}


def _regions(regions: Regions | str, stores: Stores | str) -> Part:
    if isinstance(regions, str):
        return {"error": regions}
    names = {} if isinstance(stores, str) else _names(stores)
    found = regions.by_id()
    part: Part = {"count": len(found)}
    if len(found) > MAX_REGIONS:
        part["shown"] = MAX_REGIONS
    return part | {"each": {str(region.id): _region(region, names) for region in found[:MAX_REGIONS]}}


def _region(region: Region, names: Mapping[int, str]) -> Part:
    def pods_of(peers: Iterable[Peer]) -> list[str]:
        return sorted(names.get(peer.store_id, f"store {peer.store_id}") for peer in peers)

    return {
        "leader": None if region.led_by is None else names.get(region.led_by, f"store {region.led_by}"),
        "pending": pods_of(region.pending_peers),
        "down": pods_of(down.peer for down in region.down_peers),
    }


def _count(items: JsonList | str) -> int:
    return 0 if isinstance(items, str) else len(items.root or ())


def _error(value: object) -> Part | None:
    return {"error": value} if isinstance(value, str) else None
