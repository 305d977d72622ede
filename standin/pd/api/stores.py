"""Stores: which there are, in which state, and how one is taken away."""

from __future__ import annotations

from collections.abc import Iterable

from ..ledger import OFFLINE, TOMBSTONE, UP, StoreRecord
from ..views import store_info
from .routes import Answer, Call, route


def _shown(call: Call, stores: Iterable[StoreRecord]) -> Answer:
    shown = [store_info(call.now, call.lead.cluster, store) for store in stores]
    call.lead.shuffle(shown)  # PD goes through a map: the order means nothing, and nobody shall rely on it
    return Answer(200, {"count": len(shown), "stores": shown})


def _not_found(id: str) -> Answer:
    return Answer(404, f"[PD:core:ErrStoreNotFound]store {id} not found")


def _find(call: Call) -> StoreRecord | None:
    return call.lead.cluster.ledger.stores.get(int(call.groups[0]))


@route("GET", "/stores")
def stores(call: Call) -> Answer:
    wanted = set(call.http.query.get("state", ())) or {str(UP), str(OFFLINE)}
    return _shown(call, (store for store in call.lead.cluster.ledger.stores.values() if str(store.state) in wanted))


@route("GET", "/stores/check")
def check(call: Call) -> Answer:
    wanted = {state.lower() for state in call.http.query.get("state", ())}
    cluster = call.lead.cluster
    all_stores = cluster.ledger.stores.values()
    return _shown(call, (store for store in all_stores if cluster.state_name(call.now, store).lower() in wanted))


@route("GET", r"/store/(\d+)")
def store(call: Call) -> Answer:
    record = _find(call)
    return Answer(200, store_info(call.now, call.lead.cluster, record)) if record else _not_found(call.groups[0])


@route("POST", r"/store/(\d+)/state")
def set_state(call: Call) -> Answer:
    record, state = _find(call), "".join(call.http.query.get("state", ())).lower()
    if state not in ("up", "offline"):
        return Answer(400, f"invalid state {state}")
    if record is None:
        return _not_found(call.groups[0])
    if record.state == TOMBSTONE:
        return Answer(410, f"[PD:core:ErrStoreRemoved]store {record.id} has been removed")
    if state == "up":
        if record.destroyed:
            return Answer(400, f"[PD:core:ErrStoreDestroyed]store {record.id} has been physically destroyed")
        record.state = UP
    elif (refusal := _take_offline(call, record, force=False)) is not None:
        return refusal
    call.lead.cluster.dirty = True
    return Answer(200, "The store's state is updated.")


@route("DELETE", r"/store/(\d+)")
def remove(call: Call) -> Answer:
    record = _find(call)
    if record is None:
        return _not_found(call.groups[0])
    if record.state == TOMBSTONE:
        return Answer(410, f"[PD:core:ErrStoreRemoved]store {record.id} has been removed")
    if (refusal := _take_offline(call, record, force="force" in call.http.query)) is not None:
        return refusal
    call.lead.cluster.dirty = True
    return Answer(200, "The store is set as Offline.")


def _take_offline(call: Call, record: StoreRecord, force: bool) -> Answer | None:
    """A refusal where too few stores would be left for all replicas."""
    cluster = call.lead.cluster
    left = sum(store.state == UP and store.id != record.id for store in cluster.ledger.stores.values())
    if not force and record.state == UP and left < cluster.max_replicas:
        why = f"the number of up stores would be {left} while need {cluster.max_replicas}"
        return Answer(400, f"[PD:core:ErrStoresNotEnough]can not remove store {record.id} since {why}")
    record.state = OFFLINE
    record.destroyed = record.destroyed or force
    return None


@route("DELETE", "/stores/remove-tombstone")
def remove_tombstones(call: Call) -> Answer:
    known = call.lead.cluster.ledger.stores
    buried = [store.id for store in known.values() if store.state == TOMBSTONE]
    for id in buried:
        del known[id]
    call.lead.cluster.dirty = bool(buried) or call.lead.cluster.dirty
    return Answer(200, "Remove tombstone successfully.")


LIMIT = {"add-peer": 15, "remove-peer": 15}
"""Peers a minute. Shown, and taken, but not kept: with three replicas on three stores there is little to hurry."""


@route("GET", "/stores/limit")
def limits(call: Call) -> Answer:
    return Answer(200, {str(store): LIMIT for store in call.lead.cluster.ledger.stores})


@route("POST", r"/(?:stores|store/\d+)/limit")
def set_limit(call: Call) -> Answer:
    body = call.http.body if isinstance(call.http.body, dict) else {}
    rate = body.get("rate")
    if not isinstance(rate, int | float) or rate <= 0:
        return Answer(400, "rate unset" if rate is None else "invalid rate which should be larger than 0")
    return Answer(200, "Set store limit successfully.")
