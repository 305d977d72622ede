"""What a store answers on its status port."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import Any

from tests.support.tape.pd import Reply
from tests.support.tape.presence import silence
from tests.support.tape.reading import FOLDER
from tests.support.tape.recording import Frame, Json, Recording
from tests.support.tape.regions import regions_at

CONFIG = {
    "raftstore": {
        "pd-store-heartbeat-tick-interval": "2s",
        "pd-heartbeat-tick-interval": "5s",
        "hibernate-regions": False,
    }
}
"""What is known of it: where it was not as shipped."""


def store_reply(recording: Recording, t: float, pod: str, path: str) -> Reply:
    """What this store, which does answer, says to a GET."""
    match path.split("?")[0].strip("/").split("/"):
        case ["status"]:
            return Reply(200)
        case ["config"]:
            return Reply(200, CONFIG)
        case ["region", region]:
            frame = recording.frame(t)
            found = next((each for each in regions_at(recording, t) if str(each["id"]) == region), None)
            if found is not None and any(peer["store_id"] == frame.stores[pod].id for peer in found["peers"]):
                return Reply(200, _region(recording, t, pod, found))
    return Reply(404)


def _region(recording: Recording, t: float, pod: str, region: Json) -> Json:
    """The region as this store's own peer has it.

    The Leader is whom the poll saw call itself so. To a Follower the leader is whom PD names, if that one confirms it,
    and else nobody: polls did not ask.
    """
    frame = recording.frame(t)
    peers = {name: _peer(frame, name, region) for name in frame.stores}
    leads = pod in frame.confirmed.get(region["id"], ())
    answer: Json = deepcopy(_example("Leader" if leads else "Follower"))
    raft = answer["raft_status"]
    raft["id"] = peers[pod]
    raft["soft_state"]["leader_id"] = peers[pod] if leads else _leader_to_others(frame, region)
    if leads:
        raft["hard_state"]["vote"] = peers[pod]
        active = _active(recording, t, pod, region["id"])
        (voter, *_) = raft["voters"].values()
        raft["voters"] = {str(peers[name]): voter | {"recent_active": name in active} for name in peers}
    answer["region_state"] |= {
        "id": region["id"],
        "start_key": list(bytes.fromhex(region["start_key"])),
        "end_key": list(bytes.fromhex(region["end_key"])),
        "epoch": region["epoch"],
        "peers": [
            {"id": peer["id"], "store_id": peer["store_id"], "role": peer["role_name"], "is_witness": False}
            for peer in region["peers"]
        ],
    }
    return answer


def _leader_to_others(frame: Frame, region: Json) -> int:
    named = region["leader"].get("store_id")
    confirmed = frame.confirmed.get(region["id"], ())
    return next((region["leader"]["id"] for name in confirmed if frame.stores[name].id == named), 0)


def _active(recording: Recording, t: float, leader: str, region: int) -> list[str]:
    """The voters that the leader calls active. Polls only counted them: itself first, then those that answer us.

    The older recordings did not even count: there it is all that answer.
    """
    frame = recording.frame(t)
    answering = {name: silence(recording, t, name) is None for name in frame.stores}
    count = frame.voters.get(region, {}).get(leader, sum(answering.values()))
    return sorted(frame.stores, key=lambda name: (name != leader, not answering[name], name))[:count]


def _peer(frame: Frame, pod: str, region: Json) -> int:
    return next(int(peer["id"]) for peer in region["peers"] if peer["store_id"] == frame.stores[pod].id)


@cache
def _example(state: str) -> Any:
    """A recorded answer of a Leader, or of a Follower."""
    recorded = json.loads((FOLDER / "tikv_region_status.json").read_text()).values()
    return next(each for each in recorded if each["raft_status"]["soft_state"]["raft_state"] == state)
