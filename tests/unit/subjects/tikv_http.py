"""What a fake PD and fake stores answer over HTTP, in the shapes and with the habits of real ones.

PD lists things in an order of its own, answers nothing but a ping without a leader, and leaves out what is zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from subjects.cluster import Answer

if TYPE_CHECKING:
    from tests.unit.subjects.tikv_fakes import FakeTikv


def peer(number: int) -> dict[str, Any]:
    """A replica on that store."""
    return {"id": 1000 + number, "store_id": number, "role_name": "Voter"}


def region(number: int, start: str, end: str, peers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A region led by the first of its peers."""
    return {"id": number, "start_key": start, "end_key": end, "peers": list(peers), "leader": dict(peers[0])}


def store(number: int, pod: str, state: str = "Up", **more: Any) -> dict[str, Any]:
    """A store that registered from that pod."""
    where = f"{pod}.tikv-peer.tikv.svc"
    about = {"address": f"{where}:20160", "status_address": f"{where}:20180", "version": "8.5.5"}
    heard = {"last_heartbeat": 1795421611570352704, "state_name": state}
    return {"store": {"id": number, **about, **heard, **more}, "status": {"capacity": "11.77GiB"}}


def ask_pd(tikv: FakeTikv, name: str, method: str, path: str, body: Any) -> Answer:
    """What this member of PD answers."""
    url = urlsplit(path)
    place = url.path.removeprefix("/pd/api/v1/")
    if place == "ping":
        return Answer(200, None)
    if tikv.pd_leader is None:
        return Answer(503, "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader")
    if place not in ("members", "health", "schedulers") and not tikv.data.regions:
        return Answer(500, "TiKV cluster not bootstrapped, please start TiKV first")
    pds = [f"pd-{number}" for number in range(tikv.workloads["pd"].replicas)]
    match method, place.split("/"):
        case "GET", ["members"]:
            members = [{"name": pd, "client_urls": [], "binary_version": "v8.5.5"} for pd in pds]
            (leader,) = (member for member in members if member["name"] == tikv.pd_leader)
            return Answer(200, {"header": {"cluster_id": tikv.data.cluster_id}, "members": members, "leader": leader})
        case "GET", ["health"]:
            return Answer(200, [{"name": pd, "health": tikv.runs(pd)} for pd in pds])
        case "GET", ["stores"]:
            return Answer(200, {"stores": list(reversed(tikv.data.stores.values()))})
        case "GET", ["regions"]:
            return Answer(200, {"regions": list(reversed(tikv.data.regions.values()))})
        case "GET", ["regions", "count"]:
            return Answer(200, {"count": tikv.region_count or len(tikv.data.regions), "regions": None})
        case "GET", ["cluster"]:
            return Answer(200, {"id": tikv.data.cluster_id, "max_peer_count": 3})
        case "GET", ["cluster", "status"]:
            return Answer(200, {"is_initialized": True})
        case "GET", ["operators"]:
            return Answer(200, [])
        case "GET", ["schedulers"]:
            return Answer(200, sorted(tikv.schedulers))
        case "GET", ["config", "schedule"]:
            return Answer(200, tikv.pd_config["schedule"])
        case "GET", ["config", "replicate"]:
            return Answer(200, tikv.pd_config["replication"])
    return _obey(tikv, method, place.split("/"), parse_qs(url.query), body)


def _obey(tikv: FakeTikv, method: str, place: list[str], query: Mapping[str, Any], body: Any) -> Answer:
    match method, place:
        case "POST", ["operators"]:
            led = tikv.data.regions[body["region_id"]]
            if not any(one["store_id"] == body["to_store_id"] for one in led["peers"]):
                return Answer(500, "region has no voter in this store")
            if tikv.obeys_transfers:
                led["leader"] = peer(body["to_store_id"])
        case "DELETE", ["schedulers", name]:
            tikv.schedulers.discard(name)
        case "POST", ["config"]:
            return _configure(tikv, tikv.pd_config, body) or Answer(200, "The config is updated.")
        case "POST", ["store", number, "state"] if query == {"state": ["Up"]}:
            tikv.data.stores[int(number)]["store"]["state_name"] = "Disconnected"
        case "DELETE", ["stores", "remove-tombstone"]:
            stores = tikv.data.stores.items()
            tikv.data.stores = {number: one for number, one in stores if one["store"]["state_name"] != "Tombstone"}
        case "POST", ["regions", "split"]:
            split(tikv, body["split_keys"])
        case _:
            return Answer(404, "404 page not found")
    return Answer(200, "It is done.")


def split(tikv: FakeTikv, keys: Sequence[str]) -> None:
    """Split regions at these keys, each of which is in the middle of one."""
    regions = tikv.data.regions
    for key in keys:
        whole = next(one for one in regions.values() if one["start_key"] < key and (key < (one["end_key"] or "~")))
        number = max(regions) + 10
        regions[number] = region(number, whole["start_key"], key, whole["peers"])
        whole["start_key"] = key


def ask_store(tikv: FakeTikv, name: str, method: str, path: str, body: Any) -> Answer:
    """What this store answers on its status port."""
    match method, path.split("/"):
        case "GET", ["", "status"]:
            return Answer(200, None)
        case "GET", ["", "config"]:
            return Answer(200, tikv.store_configs[name])
        case "POST", ["", "config"]:
            # Its file lies in a ConfigMap, which nobody can write.
            persist = "config changed, but failed to persist change due to err: read-only file system"
            return _configure(tikv, tikv.store_configs[name], body) or Answer(500, persist)
        case "GET", ["", "region", number]:
            leader = tikv.data.regions[int(number)]["leader"].get("store_id")
            leads = leader is not None and tikv.data.stores[leader]["store"]["address"].startswith(f"{name}.")
            return Answer(200, {"raft_status": {"soft_state": {"raft_state": "Leader" if leads else "Follower"}}})
    return Answer(404, "path not found")


def _configure(tikv: FakeTikv, tree: dict[str, dict[str, Any]], body: Mapping[str, Any]) -> Answer | None:
    """The refusal; None where it is done."""
    for dotted, value in body.items():
        section, key = dotted.split(".")
        if dotted in tikv.unchangeable:
            return Answer(400, f"{dotted} can not be changed")
        tree[section][key] = value
    return None
