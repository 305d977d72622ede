"""How PD shows stores, regions and members: the shapes of its HTTP API, without the zeros that PD leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ..durations import duration, size
from ..region import Place
from .cluster import Cluster
from .ledger import TOMBSTONE, UP, RegionRecord, StoreRecord


def timestamp(nanoseconds: int) -> str:
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def _present(fields: dict[str, Any], optional: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value or name not in optional}


def store_info(now: float, cluster: Cluster, store: StoreRecord) -> dict[str, Any]:
    heartbeat = cluster.last_heartbeat(store)
    about = {
        "id": store.id,
        "address": store.address,
        "state": store.state,
        "version": store.version,
        "peer_address": store.address,
        "status_address": store.status_address,
        "git_hash": "None",
        "start_timestamp": store.start_timestamp,
        "deploy_path": "/",
        "last_heartbeat": heartbeat,
        "physically_destroyed": store.destroyed,
        "node_state": 1 if store.state == UP else 3 if store.state == TOMBSTONE else 2,
        "state_name": cluster.state_name(now, store),
    }
    stats, led, held = cluster.stats(store.id), len(cluster.leads(store.id)), cluster.holds(store.id)
    pending = sum(_is_pending(cluster, record, store.id) for record in held)
    uptime = heartbeat - store.start_timestamp * 1_000_000_000
    status = {
        "capacity": size(stats.get("capacity", 0)),
        "available": size(stats.get("available", 0)),
        "used_size": size(stats.get("used", 0)),
        "leader_count": led,
        "leader_weight": 1,
        "leader_score": led,
        "leader_size": led,
        "region_count": len(held),
        "region_weight": 1,
        "region_score": float(len(held)),
        "region_size": len(held),
        "pending_peer_count": pending,
        "slow_score": 1,
        "slow_trend": {"cause_value": 250000.0, "cause_rate": 0, "result_value": 0, "result_rate": 0},
        "start_ts": timestamp(store.start_timestamp * 1_000_000_000),
        "last_heartbeat_ts": timestamp(heartbeat),
        "uptime": duration(uptime) if uptime > 0 else "",
    }
    return {
        "store": _present(about, ("state", "last_heartbeat", "physically_destroyed")),
        "status": _present(status, ("pending_peer_count", "uptime")),
    }


def _is_pending(cluster: Cluster, record: RegionRecord, store: int) -> bool:
    place = record.region.on(store)
    return place is not None and place.id in cluster.life(record.region.id).pending


def peer_info(place: Place | None) -> dict[str, Any]:
    """None: nobody, which PD shows as a peer without a store."""
    return {"role_name": "Voter"} | ({"id": place.id, "store_id": place.store} if place is not None else {})


def region_info(cluster: Cluster, record: RegionRecord) -> dict[str, Any]:
    region, life = record.region, cluster.life(record.region.id)
    pending = [peer_info(place) for place in region.peers if place.id in life.pending]
    down = [{"peer": peer_info(region.peer(peer)), "down_seconds": time} for peer, time in life.down]
    told = {
        "id": region.id,
        "start_key": region.start,
        "end_key": region.end,
        "epoch": {"conf_ver": region.conf_ver, "version": region.version},
        "peers": [peer_info(place) for place in region.peers],
        "leader": peer_info(region.peer(record.leader)),
        "down_peers": down,
        "pending_peers": pending,
        "cpu_usage": 0,
        "written_bytes": life.written_bytes,
        "read_bytes": 0,
        "written_keys": life.written_keys,
        "read_keys": 0,
        "approximate_size": 1,
        "approximate_keys": 0,
    }
    return _present(told, ("down_peers", "pending_peers"))


def regions_info(cluster: Cluster, records: Iterable[RegionRecord]) -> dict[str, Any]:
    shown = [region_info(cluster, record) for record in records]
    return {"count": len(shown), "regions": shown}


def region_stats(cluster: Cluster) -> dict[str, Any]:
    """`/stats/region`: how regions and leaders are spread, in one call."""
    records, stores = cluster.regions(), sorted(cluster.ledger.stores)
    leaders = {str(store): len(led) for store in stores if (led := cluster.leads(store))}
    peers = {str(store): len(held) for store in stores if (held := cluster.holds(store))}
    return {
        "count": len(records),
        "empty_count": len(records),
        "storage_size": len(records),
        "user_storage_size": 0,
        "storage_keys": 0,
        "store_leader_count": leaders,
        "store_peer_count": peers,
        "store_leader_size": leaders,
        "store_leader_keys": dict.fromkeys(leaders, 0),
        "store_peer_size": peers,
        "store_peer_keys": dict.fromkeys(peers, 0),
    }
