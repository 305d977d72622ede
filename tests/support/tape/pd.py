"""What a PD member answers. Everything but a few local paths comes from its leader, whichever member is asked."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.support.tape.members import health, leader, members, status
from tests.support.tape.recording import Json, Recording
from tests.support.tape.regions import leader_sums, regions_at
from tests.support.tape.stores import stores_at

V1 = "/pd/api/v1/"
READY = "/pd/api/v2/ready"
LOCAL = ("status", "health", "ping", "version", "config")
LEADER_WAIT = 3.0
"""Seconds for which a member looks for a leader before it gives up with 503."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `body` is None where it is no JSON; `after`: seconds that the member takes for it."""

    status: int
    body: Json = None
    after: float = 0.0


def pd_reply(recording: Recording, t: float, member: str, path: str) -> Reply:
    """What this member, which does answer, says to a GET. 404 for what the recordings hold nothing about."""
    url = urlsplit(path)
    if url.path == READY:
        return Reply(*recording.snapshot(t).answers[f"{READY}?verbose"])
    if not url.path.startswith(V1):
        return Reply(404)
    place = url.path.removeprefix(V1)
    if place in LOCAL:
        return _local(recording, t, member, place)
    code = recording.frame(t).stores_http
    if code != 200:
        return Reply(code, after=LEADER_WAIT if code == 503 else 0.0)
    body = _from_leader(recording, t, place.split("/"), parse_qs(url.query).get("state", []))
    return Reply(200, body) if body is not None else Reply(404)


def _local(recording: Recording, t: float, member: str, place: str) -> Reply:
    match place:
        case "ping":
            return Reply(200)
        case "health":
            code = recording.frame(t).health_http
            return Reply(code, health(recording, t) if code == 200 else None)
        case "version":
            return Reply(200, {"version": status(recording, t, member)["version"]})
        case "status":
            return Reply(200, status(recording, t, member))
    parts = {"schedule": "/config/schedule", "replication": "/config/replicate"}
    return Reply(200, {part: recording.snapshot(t).body(path) for part, path in parts.items()})


def _from_leader(recording: Recording, t: float, place: list[str], states: list[str]) -> Json:
    """The body, or None where there is nothing at this place."""
    match place:
        case ["members"]:
            return members(recording, t)
        case ["leader"]:
            return leader(recording, t)
        case ["cluster", "status"]:
            return recording.snapshot(t).body("/cluster/status") | {"is_initialized": recording.frame(t).initialized}
        case ["stores" | "store" as kind, *rest]:
            return _stores(stores_at(recording, t), kind, rest, states)
        case ["regions" | "region" as kind, *rest] if rest != ["count"]:
            return _regions(recording, regions_at(recording, t), kind, rest, t)
        case ["stats", "region"]:
            return recording.snapshot(t).body("/stats/region") | leader_sums(regions_at(recording, t))
    return _as_recorded(recording, t, place)


def _stores(stores: list[Json], kind: str, rest: list[str], states: list[str]) -> Json:
    match kind, rest:
        case "stores", []:
            wanted = {int(state) for state in states} or {0, 1}  # tombstones only for whom asks for them
            return _counted("stores", [each for each in stores if each["store"].get("state", 0) in wanted])
        case "stores", ["check"]:
            return _counted("stores", [each for each in stores if each["store"]["state_name"] in states])
        case "store", [store]:
            return next((each for each in stores if str(each["store"]["id"]) == store), None)
    return None


def _regions(recording: Recording, regions: list[Json], kind: str, rest: list[str], t: float) -> Json:
    match kind, rest:
        case "regions", []:
            return _counted("regions", regions)
        case "regions", ["store", store]:
            return _counted("regions", [each for each in regions if store in _stores_of(each)])
        case "regions", ["check", "pending-peer"]:
            return _counted("regions", [each for each in regions if "pending_peers" in each])
        case "region", ["id", region]:
            return next((each for each in regions if str(each["id"]) == region), None)
    return _as_recorded(recording, t, [kind, *rest])


def _as_recorded(recording: Recording, t: float, place: list[str]) -> Json:
    return recording.snapshot(t).answers.get(V1 + "/".join(place), (404, None))[1]


def _stores_of(region: Json) -> set[str]:
    return {str(peer["store_id"]) for peer in region["peers"]}


def _counted(key: str, found: list[Json]) -> Json:
    return {"count": len(found), key: found}
