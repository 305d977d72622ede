"""Regions: what PD last heard of them, and how more are made and their leaders spread."""

from __future__ import annotations

from collections.abc import Callable

from ..checker import best_leader
from ..cluster import Cluster
from ..ledger import OFFLINE, RegionRecord
from ..operators import Operator
from ..views import region_info, region_stats, regions_info
from .routes import Answer, Call, route

SPLIT_PATIENCE_SECONDS = 5.0
"""So long `/regions/split` waits to see its regions."""


def _shown(call: Call, records: list[RegionRecord]) -> Answer:
    call.lead.shuffle(records)
    return Answer(200, regions_info(call.lead.cluster, records))


@route("GET", "/regions")
def regions(call: Call) -> Answer:
    return _shown(call, call.lead.cluster.regions())


@route("GET", "/regions/count")
def count(call: Call) -> Answer:
    return Answer(200, {"count": len(call.lead.cluster.ledger.regions), "regions": None})


@route("GET", r"/regions/store/(\d+)")
def of_store(call: Call) -> Answer:
    return _shown(call, call.lead.cluster.holds(int(call.groups[0])))


@route("GET", r"/region/id/(\d+)")
def region(call: Call) -> Answer:
    record = call.lead.cluster.ledger.regions.get(int(call.groups[0]))
    return Answer(200, region_info(call.lead.cluster, record) if record is not None else None)


@route("GET", "/stats/region")
def stats(call: Call) -> Answer:
    return Answer(200, region_stats(call.lead.cluster))


def _sits_on_offline(cluster: Cluster, record: RegionRecord) -> bool:
    stores = (cluster.ledger.stores.get(place.store) for place in record.region.peers)
    return any(store is not None and store.state == OFFLINE for store in stores)


_CHECKS: dict[str, Callable[[Cluster, RegionRecord], bool]] = {
    "miss": lambda cluster, record: len(record.region.peers) < cluster.max_replicas,
    "extra": lambda cluster, record: len(record.region.peers) > cluster.max_replicas,
    "pending": lambda cluster, record: bool(cluster.life(record.region.id).pending),
    "down": lambda cluster, record: bool(cluster.life(record.region.id).down),
    "learner": lambda cluster, record: False,
    "offline": _sits_on_offline,
}


@route("GET", "/regions/check/(miss|extra|pending|down|learner|offline)-peer")
def check(call: Call) -> Answer:
    cluster, is_so = call.lead.cluster, _CHECKS[call.groups[0]]
    return _shown(call, [record for record in cluster.regions() if is_so(cluster, record)])


@route("POST", "/regions/split")
def split(call: Call) -> Answer | None:
    told = call.http.body if isinstance(call.http.body, dict) else {}
    try:
        keys = sorted({bytes.fromhex(key).hex().upper() for key in told["split_keys"]})
    except (KeyError, TypeError, ValueError):
        return Answer(400, "split_keys should be provided.")
    cluster = call.lead.cluster
    before = set(cluster.ledger.regions)
    for record in cluster.regions():
        own = tuple(key for key in keys if record.region.start < key and record.region.contains(key))
        if own:
            split = Operator("split", record.region.id, keys=own, version=record.region.version, by_hand=True)
            call.lead.operators.add(call.now, split)

    def see(late: bool) -> Answer | None:
        known = [record.region for record in cluster.regions()]
        # Both sides of it must have reported, or a new region would be missing in the answer.
        done = len({region.start for region in known} & {region.end for region in known} & set(keys))
        if done < len(keys) and not late:
            return None
        new = sorted(set(cluster.ledger.regions) - before)
        return Answer(200, {"processed-percentage": 100 * done // max(len(keys), 1), "regions-id": new})

    call.lead.watch(call.now, call.ticket, SPLIT_PATIENCE_SECONDS, see)
    return None


@route("POST", "/regions/scatter")
def scatter(call: Call) -> Answer:
    """Leaders only: with three stores and three replicas there is nowhere to move a peer to."""
    cluster, told = call.lead.cluster, call.http.body if isinstance(call.http.body, dict) else {}
    records = cluster.regions()
    if "regions_id" in told:
        records = [record for record in records if record.region.id in told["regions_id"]]
    planned: dict[int, int] = {}
    for record in records:
        now_on = record.region.peer(record.leader)
        fit = best_leader(call.now, cluster, record)
        stores = {place.store for place in record.region.peers} & {store.id for store in cluster.up_stores(call.now)}
        if now_on is None or fit is None or not stores:
            continue
        target = min(stores, key=lambda store: (planned.get(store, 0), store != now_on.store, store))
        planned[target] = planned.get(target, 0) + 1
        if target != now_on.store:
            call.lead.operators.add(call.now, Operator("transfer", record.region.id, store=target, by_hand=True))
    return Answer(200, {"processed-percentage": 100})
