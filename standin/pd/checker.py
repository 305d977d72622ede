"""What is to be done about a region, if anything: the keyspace's borders, replicas, leaders. Pure."""

from __future__ import annotations

from ..region import Place, Region
from .cluster import Cluster
from .ledger import UP, RegionRecord
from .operators import Operator

KEYSPACE_BORDERS = ("7200000000000000FB", "7200000100000000FB", "7800000000000000FB", "7800000100000000FB")
"""Where PD splits every new cluster by itself, for the default keyspace: the first region becomes five."""


def needed(now: float, cluster: Cluster, record: RegionRecord) -> Operator | None:
    """The next step for the region, without ids that have to be handed out."""
    region = record.region
    borders = tuple(key for key in KEYSPACE_BORDERS if region.start < key and region.contains(key))
    if borders:
        return Operator("split", region.id, keys=borders, version=region.version)
    return _leader_to_move(now, cluster, record) or _peer_to_change(now, cluster, record)


def _leader_to_move(now: float, cluster: Cluster, record: RegionRecord) -> Operator | None:
    leader = record.region.peer(record.leader)
    if leader is None or not _must_not_lead(cluster, leader.store):
        return None
    target = best_leader(now, cluster, record)
    return Operator("transfer", record.region.id, store=target) if target is not None else None


def _must_not_lead(cluster: Cluster, store: int) -> bool:
    record = cluster.ledger.stores.get(store)
    return store in cluster.ledger.evicted or record is None or record.state != UP


def best_leader(now: float, cluster: Cluster, record: RegionRecord) -> int | None:
    """The store to lead the region instead of the one that does: of those that are fit, the one with the fewest."""
    pending = cluster.life(record.region.id).pending
    up = {store.id for store in cluster.up_stores(now)}
    fit = [
        place.store
        for place in record.region.peers
        if place.id not in (record.leader, *pending) and place.store in up and not _must_not_lead(cluster, place.store)
    ]
    return min(fit, key=lambda store: (len(cluster.leads(store)), store), default=None)


def _peer_to_change(now: float, cluster: Cluster, record: RegionRecord) -> Operator | None:
    region, wanted = record.region, cluster.max_replicas
    sick = [place for place in region.peers if _is_lost(now, cluster, place)]
    healthy = len(region.peers) - len(sick)
    if healthy < wanted:
        store = _roomiest(now, cluster, region)
        # One that is only down is not given up for a place that nobody else could take.
        if store is not None:
            return Operator("add", region.id, store=store, conf_ver=region.conf_ver)
    if len(region.peers) > wanted:
        surplus = sick or [place for place in region.peers if place.id != record.leader]
        return Operator("remove", region.id, store=surplus[-1].store, conf_ver=region.conf_ver)
    return None


def _is_lost(now: float, cluster: Cluster, place: Place) -> bool:
    store = cluster.ledger.stores.get(place.store)
    return store is None or cluster.state_name(now, store) in ("Down", "Offline", "Tombstone")


def _roomiest(now: float, cluster: Cluster, region: Region) -> int | None:
    free = [store.id for store in cluster.up_stores(now) if region.on(store.id) is None]
    return min(free, key=lambda store: (len(cluster.holds(store)), store), default=None)
