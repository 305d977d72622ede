"""What clients ask PD by gRPC: who leads, which region a key is in, where a store is. In plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cluster import Cluster
from .ledger import RegionRecord

if TYPE_CHECKING:
    from .member import Member


@dataclass(frozen=True, slots=True)
class Rpc:
    """GetMembers, GetRegion, GetPrevRegion, GetStore or ScanRegions. Keys in hexadecimal."""

    name: str
    key: str = ""
    end: str = ""
    limit: int = 0
    store: int = 0


def members_answer(member: Member) -> dict[str, Any]:
    """Any member answers this, from what it knows."""
    return member.members_info()


def lead_answer(member: Member, rpc: Rpc) -> dict[str, Any]:
    """Only the leader answers; others say that they are not it."""
    if member.lead is None:
        return {"unavailable": "not leader"}
    cluster = member.lead.cluster
    told: dict[str, Any] = {"cluster": cluster.ledger.cluster}
    if not cluster.ledger.bootstrapped:
        return {**told, "error": "NOT_BOOTSTRAPPED", "message": "cluster is not bootstrapped"}
    match rpc.name:
        case "GetStore":
            store = cluster.ledger.stores.get(rpc.store)
            if store is None:
                return {**told, "error": "UNKNOWN", "message": f"invalid store ID {rpc.store}, not found"}
            return {**told, "store": {"id": store.id, "address": store.address, "state": store.state}}
        case "ScanRegions":
            return {**told, "regions": [_region(record) for record in _scan(cluster, rpc)]}
        case "GetPrevRegion":
            before = [record for record in cluster.regions() if record.region.end and record.region.end <= rpc.key]
            return {**told, "region": _region(before[-1]) if before else None}
    found = cluster.region_of(rpc.key)
    return {**told, "region": _region(found) if found is not None else None}


def _scan(cluster: Cluster, rpc: Rpc) -> list[RegionRecord]:
    found = [record for record in cluster.regions() if record.region.overlaps(rpc.key, rpc.end)]
    return found[: rpc.limit] if rpc.limit > 0 else found


def _region(record: RegionRecord) -> dict[str, Any]:
    return {**record.region.to_json(), "leader": record.leader}
