"""The stand-in's answers have the fields of the recorded ones, all and no others, each of the recorded kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from standin.pd.api import Forward, Http, Survey
from tests.support.standin.cluster import Cluster
from tests.support.standin.recordings import FOLDER, Recording

RECORDED = Recording("healthy").told["before"]


def shape(value: Any) -> Any:
    """Of a list only its first entry; of a mapping from ids, only one."""
    if isinstance(value, dict):
        if value and all(key.isdigit() for key in value):
            return {"an id": shape(next(iter(value.values())))}
        return {key: shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def answered(cluster: Cluster, path: str) -> Any:
    """The body a client gets that asks any member."""
    path, _, query = path.partition("?")
    fields = {name: (value,) for name, _, value in (part.partition("=") for part in query.split("&") if part)}
    replies: list[Any] = []
    for name in ("pd-1", None):
        member = cluster.lead()
        assert member is not None
        cluster.world.ask(name or member.name, Http("GET", path, fields), replies.append)
        cluster.world.run(0.5)
        if not isinstance(replies[-1], Forward):
            break
    reply = replies[-1]
    return [{**about, "health": True} for about in reply.members] if isinstance(reply, Survey) else reply.body


@pytest.mark.parametrize("path", RECORDED)
def test_pd_answers_in_the_recorded_shape(cluster: Cluster, path: str) -> None:
    status, body = RECORDED[path]
    assert status == 200
    assert shape(answered(cluster, path)) == shape(body)


def test_a_pending_peer_is_shown_as_recorded(cluster: Cluster) -> None:
    recorded = Recording("node_down").told["at_25s"]["/pd/api/v1/regions/check/pending-peer"][1]
    victim = next(iter(set(cluster.leaders().values())))
    cluster.world.kill(victim)
    cluster.world.run(25)
    assert shape(cluster.get("/regions/check/pending-peer")) == shape(recorded)
    store = next(s for s in cluster.get("/stores")["stores"] if s["store"]["address"].startswith(victim))
    assert store["status"]["pending_peer_count"] == 5


@pytest.mark.parametrize("role", ["Leader", "Follower"])
def test_a_store_shows_a_region_in_the_recorded_shape(cluster: Cluster, role: str) -> None:
    recorded = json.loads((FOLDER / "tikv_region_status.json").read_text()).values()
    real = next(r for r in recorded if r["raft_status"]["soft_state"]["raft_state"] == role)
    region = cluster.regions()[0]["id"]
    replicas = [store.kept.replicas[region] for name in cluster.store_names.values() if (store := cluster.store(name))]
    shown = next(r.status() for r in replicas if r.status()["raft_status"]["soft_state"]["raft_state"] == role)
    assert shape(shown) == shape(real)
