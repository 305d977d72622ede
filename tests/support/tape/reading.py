"""From the files to a `Recording`. What they leave to their reader:

- The first poll of a timeline was made ahead of the command, whatever its `t` (which is how long it took: in
  `freeze_ended` ten seconds, for the frozen store). It is the state from the beginning.
- Full answers are polls too: `freeze` was polled every ten seconds only, and for its last state not any more.
- Four recordings end what another began (`SEQUELS`). The client of the first one went on writing meanwhile, so that
  its file holds the writes of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from math import inf
from pathlib import Path

from tests.support.tape.recording import Frame, Json, PodSeen, Recording, Snapshot, StoreSeen, Write

FOLDER = Path(__file__).parents[2] / "recordings"
SEQUELS = {
    "freeze_ended": "freeze",
    "node_down_fixed": "node_down",
    "partition_healed": "partition",
    "quorum_loss_fixed": "quorum_loss",
}
NAMES = tuple(sorted(file.stem for file in FOLDER.glob("*.json") if file.stem != "tikv_region_status"))
SNAPSHOTS = ("before", "at_25s", "at_45s", "after")


@cache
def load(name: str) -> Recording:
    """Read a recording by name, with the one it ends."""
    first = load(SEQUELS[name]) if name in SEQUELS else None
    return read(_raw(name), _writes(name), first)


def read(raw: Mapping[str, Json], writes: tuple[Write, ...] = (), first: Recording | None = None) -> Recording:
    """From a recording's JSON. What a poll does not hold (PD had no answer) is as the poll before left it."""
    t0 = raw["t0_epoch"]
    snapshots = tuple(_snapshot(raw[key], t0) for key in SNAPSHOTS if key in raw)
    polls = [raw["timeline"][0] | {"t": -inf}]
    for poll in sorted([*raw["timeline"][1:], *map(_as_poll, snapshots[1:])], key=lambda poll: poll["t"]):
        polls.append(polls[-1] | poll)
    return Recording(raw["name"], raw["command"], t0, tuple(map(_frame, polls)), snapshots, writes, first)


def _as_poll(full: Snapshot) -> Json:
    """What full answers say of what polls ask PD for."""
    regions = full.body("/regions")["regions"]
    return {
        "t": full.taken,
        "stores_http": full.answers["/pd/api/v1/stores"][0],
        "health_http": full.answers["/pd/api/v1/health"][0],
        "stores": {each["store"]["address"].split(".")[0]: _store(each) for each in full.body("/stores")["stores"]},
        "health": {member["name"]: member["health"] for member in full.body("/health")},
        "initialized": full.body("/cluster/status")["is_initialized"],
        "leaders": [[region["id"], region["leader"].get("store_id")] for region in regions],
        "pending_peer": full.body("/regions/check/pending-peer")["count"],
        "down_peer": full.body("/regions/check/down-peer")["count"],
    }


def _store(each: Json) -> Json:
    store, status = each["store"], each["status"]
    return [store["id"], store["state_name"], status.get("leader_count", 0), status.get("region_count", 0)]


def _frame(poll: Mapping[str, Json]) -> Frame:
    if poll["down_peer"]:
        raise ValueError("no recording tells which peers are down: this one counts some")
    return Frame(
        t=poll["t"],
        stores_http=poll["stores_http"],
        health_http=poll["health_http"],
        stores={name: StoreSeen(*seen) for name, seen in poll["stores"].items()},
        health=poll["health"],
        pods={name: _pod(*seen) for name, seen in poll["pods"].items()},
        initialized=poll["initialized"],
        pending=poll["pending_peer"],
        leaders=dict(poll["leaders"]),
        confirmed={int(region): tuple(pods) for region, pods in poll["confirmed_leaders"].items()},
        voters={
            int(region): {pod: active for pod, (active, _) in by_pod.items()}
            for region, by_pod in poll.get("active_voters", {}).items()
        },
    )


def _pod(uid: str, phase: str, ready: bool | None, restarts: int | None, deleting: str) -> PodSeen:
    return PodSeen(uid, phase, bool(ready), restarts or 0, deleting == "deleting")


def _snapshot(answers: Mapping[str, Json], t0: float) -> Snapshot:
    beats = [each["store"]["last_heartbeat"] for each in answers["/pd/api/v1/stores"][1]["stores"]]
    return Snapshot(max(beats) / 1e9 - t0, {path: (status, body) for path, (status, body) in answers.items()})


@cache
def _raw(name: str) -> Json:
    return json.loads((FOLDER / f"{name}.json").read_text())


def _writes(name: str) -> tuple[Write, ...]:
    """All of its file up to the command of its sequel; a sequel's are in the file of the one that it ends."""
    file = FOLDER / f"{SEQUELS.get(name, name)}.writes.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    later = _raw(name)["t0_epoch"] - _raw(SEQUELS.get(name, name))["t0_epoch"]
    ends = [_raw(sequel)["t0_epoch"] - _raw(first)["t0_epoch"] for sequel, first in SEQUELS.items() if first == name]
    writes = (_write(json.loads(line), later) for line in lines)
    return tuple(write for write in writes if all(write.asked < end for end in ends))


def _write(raw: Mapping[str, Json], later: float) -> Write:
    return Write(raw["t"] - later, raw["ok"], raw["ms"] / 1000, raw["error"])
