"""From what was seen of TiKV to the state that is kept, as JSON. Pure.

Everything is keyed by a name, and nothing in it changes while the system is left alone, so that two states differ in
what happened between them. What did not answer is told as an `error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from subjects.cluster import Pod
from subjects.pods import describe_pod, describe_workload
from subjects.protocol import Json
from subjects.tikv.members.endpoints import Topology
from subjects.tikv.members.queries import ROLES
from subjects.tikv.members.schemas import Health, Members, Peer, Region, Regions, Store, Stores, Things

MOST_REGIONS = 200
"""Regions that are told one by one. All are counted."""

Part = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said to each question; a sentence where there was no good answer.

    `silence` is, by the pod of a PD member, why it does not answer; None where it does.
    """

    silence: Mapping[str, str | None]
    members: Members | str
    health: Health | str
    stores: Stores | str
    regions: Regions | str
    schedulers: frozenset[str] | str
    operators: Things | str


def describe(topology: Topology, pods: Mapping[str, Pod], said: Said) -> Part:
    """The state. Leaders are named by pod; null where there is none."""
    return {
        "workloads": {role: describe_workload(topology.of(role)) for role in ROLES},
        "pods": {name: describe_pod(pod) for name, pod in sorted(pods.items())},
        "pd": _pd(said),
        "stores": _stores(said.stores),
        "regions": _regions(said.regions, said.stores),
        "schedulers": _error(said.schedulers) or dict.fromkeys(sorted(said.schedulers), True),
        "operators": _error(said.operators) or _count(said.operators),
    }


def _pd(said: Said) -> Part:
    """Ids are strings: they are too long for some readers of JSON."""
    members: dict[str, Part] = {pod: {"error": why} if why else {} for pod, why in said.silence.items()}
    if not isinstance(said.health, str):
        for each in said.health.root:
            members.setdefault(each.pod, {})["healthy"] = each.health
    if isinstance(said.members, str):
        about: Part = {"error": said.members, "leader": None}
    else:
        leader = said.members.leader
        about = {"clusterId": str(said.members.header.cluster_id), "leader": leader.pod if leader else None}
        for member in said.members.members:
            members.setdefault(member.pod, {})["version"] = member.binary_version
    return about | {"members": dict(sorted(members.items()))}


def _stores(stores: Stores | str) -> Part:
    """By pod. One that another store has taken the place of has its id in its name."""
    if isinstance(stores, str):
        return {"error": stores}
    names = _names(stores)
    told = {names[store.store.id]: _store(store) for store in stores.stores}
    return dict(sorted(told.items()))


def _store(store: Store) -> Part:
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
    if len(found) > MOST_REGIONS:
        part["shown"] = MOST_REGIONS
    return part | {"each": {str(region.id): _region(region, names) for region in found[:MOST_REGIONS]}}


def _region(region: Region, names: Mapping[int, str]) -> Part:
    def where(peers: Iterable[Peer]) -> list[str]:
        return sorted(names.get(peer.store_id, f"store {peer.store_id}") for peer in peers)

    return {
        "leader": None if region.led_by is None else names.get(region.led_by, f"store {region.led_by}"),
        "pending": where(region.pending_peers),
        "down": where(down.peer for down in region.down_peers),
    }


def _count(things: Things | str) -> int:
    return 0 if isinstance(things, str) else len(things.root or ())


def _error(said: object) -> Part | None:
    return {"error": said} if isinstance(said, str) else None
