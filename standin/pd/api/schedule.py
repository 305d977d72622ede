"""What PD is told to do about regions: operators by hand, schedulers, configuration."""

from __future__ import annotations

from typing import Any

from ..operators import Operator
from ..settings import NoSuchItem, change
from .routes import Answer, Call, route
from .stores import LIMIT

ALWAYS = (
    "balance-region-scheduler",
    "balance-leader-scheduler",
    "balance-hot-region-scheduler",
    "evict-slow-store-scheduler",
    "evict-stopping-store-scheduler",
)
"""Named as PD names them. They do nothing here, and with a few small regions they do nothing there."""

EVICT = "evict-leader-scheduler"


def _fields(call: Call) -> dict[str, Any]:
    return call.http.body if isinstance(call.http.body, dict) else {}


@route("GET", "/operators")
def operators(call: Call) -> Answer:
    return Answer(200, [str(running.operator) for running in call.lead.operators.running.values()])


@route("POST", "/operators")
def add_operator(call: Call) -> Answer:
    told = _fields(call)
    if told.get("name") != "transfer-leader":
        return Answer(400, "unknown operator" if "name" in told else "missing operator name")
    for field, what in (("region_id", "region id"), ("to_store_id", "store id to transfer leader to")):
        if not isinstance(told.get(field), int):
            return Answer(400, f"missing {what}")
    record = call.lead.cluster.ledger.regions.get(told["region_id"])
    if record is None:
        return Answer(500, f"region {told['region_id']} not found")
    if record.region.on(told["to_store_id"]) is None:
        return Answer(500, f"region has no voter in store {told['to_store_id']}")
    call.lead.operators.add(call.now, Operator("transfer", record.region.id, store=told["to_store_id"], by_hand=True))
    return Answer(200, "The operator is created.")


@route("DELETE", r"/operators/(\d+)")
def remove_operator(call: Call) -> Answer:
    if call.lead.operators.running.pop(int(call.groups[0]), None) is None:
        return Answer(500, "operator not found")
    return Answer(200, "The pending operator is canceled.")


@route("GET", "/schedulers")
def schedulers(call: Call) -> Answer:
    return Answer(200, _schedulers(call))


def _schedulers(call: Call) -> list[str]:
    return [*ALWAYS, *([EVICT] if call.lead.cluster.ledger.evicted else [])]


@route("POST", "/schedulers")
def add_scheduler(call: Call) -> Answer:
    told, cluster = _fields(call), call.lead.cluster
    if told.get("name") in ALWAYS:
        return Answer(200, "The scheduler is created.")
    if told.get("name") != EVICT:
        return Answer(400, "unknown scheduler" if "name" in told else "missing scheduler name")
    if told.get("store_id") not in cluster.ledger.stores:
        return Answer(400, "missing store id")
    if told["store_id"] not in cluster.ledger.evicted:
        cluster.ledger.evicted.append(told["store_id"])
        cluster.dirty = True
    call.lead.patrol(call.now)
    return Answer(200, "The scheduler is created.")


@route("DELETE", r"/schedulers/([a-z-]+?)(?:-(\d+))?")
def remove_scheduler(call: Call) -> Answer:
    name, store = call.groups
    evicted = call.lead.cluster.ledger.evicted
    gone = [id for id in evicted if store is None or id == int(store)]
    if name != EVICT or not gone:
        return Answer(404, "[PD:scheduler:ErrSchedulerNotFound]scheduler not found")
    for id in gone:
        evicted.remove(id)
    call.lead.cluster.dirty = True
    return Answer(200, "The scheduler is removed.")


@route("GET", f"/scheduler-config/{EVICT}/list")
def evicted(call: Call) -> Answer:
    stores = call.lead.cluster.ledger.evicted
    everything = [{"start-key": "", "end-key": ""}]
    return Answer(200, {"store-id-ranges": {str(store): everything for store in stores}}) if stores else Answer(404)


@route("POST", "/config", bootstrapped=False)
def set_config(call: Call) -> Answer:
    try:
        change(call.lead.cluster.ledger.config, _fields(call))
    except NoSuchItem as error:
        return Answer(400, str(error))
    call.lead.cluster.dirty = True
    return Answer(200, "The config is updated.")


@route("GET", "/config/schedule", bootstrapped=False)
def schedule_config(call: Call) -> Answer:
    ledger = call.lead.cluster.ledger
    limits = {str(store): LIMIT for store in ledger.stores}
    names = [name.removesuffix("-scheduler").replace("balance-hot-", "hot-") for name in _schedulers(call)]
    running = [{"type": name, "args": None, "disable": False, "args-payload": ""} for name in names]
    return Answer(200, {**ledger.config["schedule"], "store-limit": limits, "schedulers-v2": running})


@route("GET", "/config/replicate", bootstrapped=False)
def replication_config(call: Call) -> Answer:
    return Answer(200, call.lead.cluster.ledger.config["replication"])
