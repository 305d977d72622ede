"""A TiKV store: how it comes into the cluster, what it tells clients, what it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.standin.cluster import PDS, TIKVS, Cluster

KEY = "41"


def region_of(cluster: Cluster, key: str) -> dict[str, Any]:
    return next(r for r in cluster.regions() if r["start_key"] <= key and (not r["end_key"] or key < r["end_key"]))


def question(cluster: Cluster, op: str, **other: Any) -> dict[str, Any]:
    region = region_of(cluster, KEY)
    asked = {"op": op, "region": region["id"], "version": region["epoch"]["version"], "store": 0, "key": KEY}
    return {**asked, "value": "00FF", **other}


def ask(cluster: Cluster, store: str, asked: dict[str, Any], seconds: float = 0.2) -> Any:
    """The store's answer; the string "none" where there is none in time."""
    answers: list[Any] = []
    cluster.world.ask(store, asked, answers.append)
    cluster.world.run(seconds)
    return answers[0] if answers else "none"


def leader(cluster: Cluster) -> str:
    return cluster.leaders()[region_of(cluster, KEY)["id"]]


def follower(cluster: Cluster) -> str:
    return next(name for name in TIKVS if name != leader(cluster))


def id_of(cluster: Cluster, store: str) -> int:
    return next(id for id, name in cluster.names().items() if name == store)


def test_what_was_put_is_got_and_what_was_not_is_not_there(cluster: Cluster) -> None:
    assert ask(cluster, leader(cluster), question(cluster, "get"))["value"] is None
    assert "error" not in ask(cluster, leader(cluster), question(cluster, "put"))
    assert ask(cluster, leader(cluster), question(cluster, "get"))["value"] == "00FF"


def test_a_follower_names_the_leader(cluster: Cluster) -> None:
    answer = ask(cluster, follower(cluster), question(cluster, "put"))
    assert (answer["error"], answer["leader"][1]) == ("not_leader", id_of(cluster, leader(cluster)))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"region": 4711}, "region_not_found"),
        ({"version": 1}, "epoch_not_match"),
        ({"key": "FF"}, "key_not_in_region"),
        ({"store": 4711}, "store_not_match"),
    ],
)
def test_a_client_whose_map_is_old_is_told_what_is_wrong_with_it(
    cluster: Cluster, wrong: dict[str, Any], error: str
) -> None:
    assert ask(cluster, leader(cluster), question(cluster, "put", **wrong))["error"] == error


def test_a_leader_that_is_cut_off_acknowledges_nothing_and_says_so_when_it_gives_up(cluster: Cluster) -> None:
    cut = leader(cluster)
    cluster.world.cut(cut)
    answers: list[Any] = []
    cluster.world.ask(cut, question(cluster, "put"), answers.append)
    cluster.world.run(5)
    assert not answers
    assert cut in cluster.believers()[region_of(cluster, KEY)["id"]]
    cluster.world.run(20)
    assert [answer["error"] for answer in answers] == ["stale_command"]


def test_a_store_alone_acknowledges_nothing(cluster: Cluster) -> None:
    alone, asked = leader(cluster), question(cluster, "put")
    for name in TIKVS:
        if name != alone:
            cluster.world.kill(name)
    assert ask(cluster, alone, asked, seconds=5) == "none"


def test_a_store_comes_back_under_its_id_with_all_it_had(cluster: Cluster) -> None:
    ask(cluster, leader(cluster), question(cluster, "put"))
    victim, ids = leader(cluster), cluster.names()
    cluster.world.run(3)
    cluster.world.remove_pod(victim)
    cluster.world.start(victim)
    cluster.world.run(30)
    assert cluster.names() == ids
    assert ask(cluster, leader(cluster), question(cluster, "get"))["value"] == "00FF"


def test_a_store_of_another_cluster_ends(cluster: Cluster) -> None:
    for name in PDS:
        cluster.world.remove_pod(name)
        cluster.world.wipe(name)
    for name in PDS:
        cluster.world.start(name)
    cluster.world.remove_pod("tikv-0")
    cluster.world.start("tikv-0")
    cluster.world.run(15)
    assert "cluster ID mismatch" in cluster.world.hosts["tikv-0"].died_of
    assert cluster.store("tikv-0") is None or not cluster.store("tikv-0").joined


def test_all_wiped_together_begin_a_new_cluster(cluster: Cluster) -> None:
    old = cluster.get("/cluster")["id"]
    for name in (*PDS, *TIKVS):
        cluster.world.remove_pod(name)
        cluster.world.wipe(name)
    cluster.start()
    assert cluster.get("/cluster")["id"] != old
    assert all(store.kept.cluster != old for name in TIKVS if (store := cluster.store(name)) is not None)


def test_data_is_where_the_split_put_it(cluster: Cluster) -> None:
    for key in ("31", "41"):
        ask(cluster, leader(cluster), question(cluster, "put", key=key))
    cluster.send("POST", "/regions/split", {"split_keys": ["40"], "retry_limit": 3})
    cluster.world.run(5)
    low, high = region_of(cluster, "31"), region_of(cluster, "41")
    assert low["id"] != high["id"]
    for name in TIKVS:
        store = cluster.store(name)
        assert store is not None
        assert [list(store.kept.replicas[r["id"]].machine.data) for r in (low, high)] == [["31"], ["41"]]


def test_the_same_split_reaches_a_store_that_was_away(cluster: Cluster) -> None:
    away = follower(cluster)
    cluster.world.kill(away)
    cluster.send("POST", "/regions/split", {"split_keys": ["40"], "retry_limit": 3})
    cluster.world.start(away, new_pod=False)
    cluster.world.run(40)
    store = cluster.store(away)
    assert store is not None
    assert {id: r.region.to_json() for id, r in store.kept.replicas.items()} == {
        id: r.region.to_json() for id, r in cluster.store(leader(cluster)).kept.replicas.items()
    }


def test_pd_learns_of_writes_with_the_next_heartbeat_of_the_region(cluster: Cluster) -> None:
    for _ in range(3):
        ask(cluster, leader(cluster), question(cluster, "put"), seconds=0.01)
    cluster.world.run(5)
    assert region_of(cluster, KEY)["written_keys"] in (3, 0)
    seen = set()
    for _ in range(30):
        ask(cluster, leader(cluster), question(cluster, "put"), seconds=0.5)
        seen.add(region_of(cluster, KEY)["written_keys"])
    assert max(seen) >= 9


def test_a_peer_that_is_silent_for_long_is_told_to_pd_as_down() -> None:
    settings = {"pd-store-heartbeat-tick-interval": "2s", "pd-heartbeat-tick-interval": "5s"}
    cluster = Cluster(seed=3, tikv={"raftstore": {**settings, "max-peer-down-duration": "30s"}})
    cluster.start()
    cluster.world.run(10)
    down = follower(cluster)
    cluster.world.kill(down)
    cluster.world.run(25)
    assert cluster.get("/regions/check/down-peer")["count"] == 0
    cluster.world.run(15)
    assert cluster.get("/regions/check/down-peer")["count"] == 5
    told = region_of(cluster, KEY)["down_peers"][0]
    assert told["peer"]["store_id"] == id_of(cluster, down)
    assert told["down_seconds"] >= 30
