"""PD: who leads and who answers, what it says of stores, what it has regions do."""

from __future__ import annotations

from typing import Any

import pytest

from standin.pd.api import Answer, Forward, Http, Survey
from standin.pd.member import LEASE_SECONDS
from standin.pd.questions import LEADER_WAIT_SECONDS
from standin.pd.rpc import Rpc
from tests.support.standin.cluster import PDS, TIKVS, Cluster


def leader(cluster: Cluster) -> str:
    member = cluster.lead()
    assert member is not None
    return member.name


def follower(cluster: Cluster) -> str:
    return next(name for name in PDS if name != leader(cluster))


def store_ids(cluster: Cluster) -> dict[str, int]:
    return {name: id for id, name in cluster.names().items()}


# Who answers.


def test_before_the_first_store_there_is_a_leader_but_no_cluster() -> None:
    cluster = Cluster(seed=1)
    for name in PDS:
        cluster.world.start(name)
    cluster.world.run_until(lambda: cluster.lead() is not None, 10)
    for path in ("/stores", "/regions", "/stats/region", "/operators", "/schedulers"):
        reply = cluster.ask(leader(cluster), "GET", path)
        assert (reply.status, "TiKV cluster not bootstrapped, please start TiKV first" in reply.body) == (500, True)
    assert cluster.get("/cluster/status") == {"is_initialized": False, "replication_status": ""}
    assert cluster.get("/members")["leader"]["name"] == leader(cluster)


def test_any_member_answers_for_itself_and_sends_on_what_only_the_leader_knows(cluster: Cluster) -> None:
    other = follower(cluster)
    assert cluster.ask(other, "GET", "/ping") == Answer(200, text="")
    assert cluster.ask(other, "GET", "/status").body["version"] == "v8.5.5-standin"
    assert cluster.ask(other, "GET", "/config").body["schedule"]["max-store-down-time"] == "1m0s"
    assert isinstance(cluster.ask(other, "GET", "/health"), Survey)
    for path in ("/stores", "/members", "/leader", "/regions/count"):
        assert cluster.ask(other, "GET", path) == Forward(f"{leader(cluster)}.pd-peer.tikv.svc.cluster.local:2379")


def test_a_follower_that_is_taken_for_the_leader_says_so(cluster: Cluster) -> None:
    assert cluster.ask(follower(cluster), "GET", "/stores", forwarded=True).status == 500


def test_a_follower_that_may_answer_knows_the_members_but_runs_no_cluster(cluster: Cluster) -> None:
    other = follower(cluster)
    assert cluster.ask(other, "GET", "/leader", follower=True).body["name"] == leader(cluster)
    assert len(cluster.ask(other, "GET", "/members", follower=True).body["members"]) == 3
    assert cluster.ask(other, "GET", "/stores", follower=True).status == 500


def test_without_a_majority_there_is_no_leader_and_a_question_for_it_waits_and_is_refused(cluster: Cluster) -> None:
    left = follower(cluster)
    for name in PDS:
        if name != left:
            cluster.world.remove_pod(name)
    cluster.world.run(10)
    asked = cluster.world.now
    reply = cluster.ask(left, "GET", "/stores")
    assert (reply.status, reply.text) == (503, "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n")
    assert LEADER_WAIT_SECONDS <= cluster.world.now - asked < LEADER_WAIT_SECONDS + 0.2
    assert cluster.ask(left, "GET", "/ping").status == 200
    assert cluster.ask(left, "GET", "/health").status == 500


def test_a_question_that_waits_is_answered_as_soon_as_there_is_a_leader(cluster: Cluster) -> None:
    other = follower(cluster)
    cluster.world.kill(leader(cluster))
    cluster.world.run_until(lambda: cluster.lead() is None, 1)
    asked: list[list[Any]] = []
    while cluster.lead() is None:
        asked.append([])
        cluster.world.ask(other, _get("/leader"), asked[-1].append)
        cluster.world.run(1)
    cluster.world.run(1)
    (reply,) = asked[-1]
    assert isinstance(reply, Forward) or reply.body["name"] == leader(cluster)


def _get(path: str) -> Http:
    return Http("GET", f"/pd/api/v1{path}")


@pytest.mark.parametrize("path", ["/no/such/thing", "/stores/nonsense"])
def test_what_pd_does_not_know_is_not_found(cluster: Cluster, path: str) -> None:
    assert cluster.ask(leader(cluster), "GET", path).status == 404
    assert cluster.ask(leader(cluster), "PATCH", "/stores").status == 405


# Who leads.


def test_a_leader_that_is_killed_is_followed_when_its_lease_is_over(cluster: Cluster) -> None:
    old, killed = leader(cluster), cluster.world.now
    cluster.world.kill(old)
    cluster.world.run_until(lambda: cluster.lead() is not None, 15)
    assert leader(cluster) != old
    assert cluster.world.now - killed > LEASE_SECONDS


@pytest.mark.parametrize("path", ["/leader/resign", "/leader/transfer/{heir}"])
def test_a_leader_that_resigns_is_followed_at_once_by_whom_it_names(cluster: Cluster, path: str) -> None:
    heir, resigned = follower(cluster), cluster.world.now
    cluster.send("POST", path.format(heir=heir))
    cluster.world.run_until(lambda: cluster.lead() is not None, 1)
    assert cluster.world.now - resigned < 1
    assert leader(cluster) == heir or "resign" in path


def test_leadership_goes_to_no_stranger(cluster: Cluster) -> None:
    assert cluster.ask(leader(cluster), "POST", "/leader/transfer/pd-9").status == 500


def test_a_leader_that_is_cut_off_stops_to_answer_before_another_begins(cluster: Cluster) -> None:
    old = leader(cluster)
    member: Any = cluster.world.hosts[old].node
    cluster.world.cut(old)
    heirs: list[str] = []
    for _ in range(200):
        cluster.world.run(0.1)
        heirs = [n for n in PDS if n != old and cluster.world.hosts[n].node.lead is not None]  # type: ignore[attr-defined]
        assert member.lead is None or not heirs
    assert heirs


def test_a_leader_that_was_frozen_does_not_take_itself_for_one_when_it_thaws(cluster: Cluster) -> None:
    old = leader(cluster)
    cluster.world.freeze(old)
    cluster.world.run(30)
    cluster.world.thaw(old)
    assert leader(cluster) != old
    replies: list[Any] = []
    cluster.world.ask(old, _get("/stores"), replies.append)
    cluster.world.run(0.5)
    assert isinstance(replies[0], Forward)


def test_what_pd_knows_outlives_all_its_members(cluster: Cluster) -> None:
    cluster.send("POST", "/config", {"schedule.max-store-down-time": "2m"})
    before = [cluster.get(path) for path in ("/cluster", "/config/schedule", "/cluster/status")]
    for name in PDS:
        cluster.world.kill(name)
    for name in PDS:
        cluster.world.start(name)
    cluster.world.run_until(lambda: cluster.lead() is not None, 20)
    assert [cluster.get(path) for path in ("/cluster", "/config/schedule", "/cluster/status")] == before
    assert len(cluster.regions()) == 5


def test_clients_learn_of_the_leader_from_any_member_and_of_regions_from_the_leader(cluster: Cluster) -> None:
    other, answers = follower(cluster), []  # type: ignore[var-annotated]
    cluster.world.ask(other, Rpc("GetMembers"), answers.append)
    cluster.world.ask(other, Rpc("GetRegion", key="41"), answers.append)
    cluster.world.ask(leader(cluster), Rpc("GetRegion", key="41"), answers.append)
    cluster.world.ask(leader(cluster), Rpc("GetPrevRegion", key="7200000000000000FB"), answers.append)
    cluster.world.ask(leader(cluster), Rpc("ScanRegions", key="", limit=3), answers.append)
    cluster.world.ask(leader(cluster), Rpc("GetStore", store=9999), answers.append)
    cluster.world.run(1)
    members, refused, region, before, scanned, unknown = sorted(answers, key=lambda a: _order(a))
    assert members["leader"]["name"] == leader(cluster)
    assert refused == {"unavailable": "not leader"}
    assert region["region"]["id"] == before["region"]["id"] == scanned["regions"][0]["id"]
    assert len(scanned["regions"]) == 3
    assert unknown["error"] == "UNKNOWN"


def _order(answer: Any) -> int:
    return next(at for at, key in enumerate(("members", "unavailable", "region", "regions", "error")) if key in answer)


# Stores.


def test_a_store_is_up_then_disconnected_then_down_and_up_again_with_its_next_heartbeat(cluster: Cluster) -> None:
    cluster.world.kill("tikv-2")
    for seconds, state in ((15, "Up"), (8, "Disconnected"), (39, "Down")):
        cluster.world.run(seconds)
        assert cluster.states()["tikv-2"] == state
    cluster.world.start("tikv-2", new_pod=False)
    cluster.world.run(4)
    assert cluster.states() == dict.fromkeys(TIKVS, "Up")


def test_the_order_of_stores_means_nothing(cluster: Cluster) -> None:
    orders = {tuple(store["store"]["id"] for store in cluster.get("/stores")["stores"]) for _ in range(50)}
    assert len(orders) > 1


def test_stores_are_filtered_by_what_is_asked(cluster: Cluster) -> None:
    assert cluster.get("/stores?state=0")["count"] == 3
    assert cluster.get("/stores?state=2")["count"] == 0
    assert cluster.get("/stores/check?state=Up")["count"] == 3
    assert cluster.get("/stores/check?state=Disconnected")["count"] == 0
    id = store_ids(cluster)["tikv-1"]
    assert cluster.get(f"/store/{id}")["store"]["address"].startswith("tikv-1.")
    assert cluster.ask(leader(cluster), "GET", "/store/4711").status == 404


def test_a_store_is_not_taken_away_where_its_replicas_would_have_no_place(cluster: Cluster) -> None:
    id = store_ids(cluster)["tikv-1"]
    for method, path in (("DELETE", f"/store/{id}"), ("POST", f"/store/{id}/state?state=Offline")):
        reply = cluster.ask(leader(cluster), method, path)
        assert reply.status == 400
        assert "the number of up stores would be 2 while need 3" in reply.body
    assert cluster.states() == dict.fromkeys(TIKVS, "Up")
    assert cluster.ask(leader(cluster), "DELETE", "/store/4711").status == 404


def test_a_store_that_lost_its_data_is_refused_until_the_old_one_is_given_up_by_force(cluster: Cluster) -> None:
    world, old = cluster.world, store_ids(cluster)["tikv-1"]
    world.remove_pod("tikv-1")
    world.wipe("tikv-1")
    world.start("tikv-1")
    world.run(10)
    assert "duplicated store address" in world.hosts["tikv-1"].died_of
    assert len(cluster.get("/stores?state=0")["stores"]) == 3

    cluster.send("DELETE", f"/store/{old}?force=true")
    lost = cluster.get(f"/store/{old}")["store"]
    assert (lost["state_name"], lost["physically_destroyed"], lost["node_state"]) == ("Offline", True, 2)
    assert cluster.ask(leader(cluster), "POST", f"/store/{old}/state?state=Up").status == 400
    world.run_until(lambda: cluster.get("/stores?state=2")["count"] == 1, 90)
    assert cluster.get(f"/store/{old}")["store"]["state_name"] == "Tombstone"
    assert cluster.ask(leader(cluster), "DELETE", f"/store/{old}").status == 410
    world.run_until(cluster.is_replicated, 10)
    assert old not in {peer["store_id"] for region in cluster.regions() for peer in region["peers"]}

    cluster.send("DELETE", "/stores/remove-tombstone")
    assert cluster.get("/stores?state=2")["count"] == 0
    assert sorted(cluster.states()) == sorted(TIKVS)


def test_ids_are_not_handed_out_twice_though_a_leader_forgets_which_it_did(cluster: Cluster) -> None:
    used = {region["id"] for region in cluster.regions()} | set(cluster.names())
    cluster.send("POST", "/leader/resign")
    cluster.world.run_until(lambda: cluster.lead() is not None, 5)
    told = cluster.send("POST", "/regions/split", {"split_keys": ["31"], "retry_limit": 3})
    assert min(told["regions-id"]) > 1000 > max(used)


# Regions.


def test_a_new_cluster_is_split_for_the_default_keyspace_as_the_recorded_one_was(cluster: Cluster) -> None:
    ends = [region["end_key"] for region in cluster.regions()]
    assert ends == ["7200000000000000FB", "7200000100000000FB", "7800000000000000FB", "7800000100000000FB", ""]
    assert {(r["epoch"]["conf_ver"], r["epoch"]["version"]) for r in cluster.regions()} == {(5, 5)}
    assert cluster.get("/cluster/status")["is_initialized"] is True


def test_a_split_is_answered_when_it_is_done(cluster: Cluster) -> None:
    told = cluster.send("POST", "/regions/split", {"split_keys": ["31", "32", "7a"], "retry_limit": 3})
    assert (told["processed-percentage"], len(told["regions-id"])) == (100, 3)
    assert [region["end_key"] for region in cluster.regions()][:2] == ["31", "32"]
    assert cluster.get("/regions/count") == {"count": 8, "regions": None}
    assert set(cluster.leaders().values()) == set(cluster.leaders().values()) & set(TIKVS)
    again = cluster.send("POST", "/regions/split", {"split_keys": ["31"], "retry_limit": 3})
    assert again == {"processed-percentage": 100, "regions-id": []}


@pytest.mark.parametrize("body", [None, {}, {"split_keys": ["not hex"]}, {"split_keys": 5}])
def test_a_split_by_what_are_no_keys_is_refused(cluster: Cluster, body: dict[str, Any] | None) -> None:
    assert cluster.ask(leader(cluster), "POST", "/regions/split", body).status == 400


def test_scattering_spreads_the_leaders(cluster: Cluster) -> None:
    assert len(set(cluster.leaders().values())) == 1
    cluster.send("POST", "/regions/scatter", {"start_key": "", "end_key": ""})
    cluster.world.run(2)
    spread = sorted(cluster.get("/stats/region")["store_leader_count"].values())
    assert spread == [1, 2, 2]
    assert cluster.get("/operators") == []


def test_a_leader_moves_within_a_second_where_it_is_told_to(cluster: Cluster) -> None:
    region = cluster.regions()[0]["id"]
    target = next(name for name in TIKVS if name != cluster.leaders()[region])
    body = {"name": "transfer-leader", "region_id": region, "to_store_id": store_ids(cluster)[target]}
    assert cluster.send("POST", "/operators", body) == "The operator is created."
    cluster.world.run(1)
    assert cluster.leaders()[region] == target
    assert cluster.believers()[region] == [target]
    assert cluster.get("/operators") == []


def test_a_leader_that_cannot_move_is_shown_as_work_that_is_not_done(cluster: Cluster) -> None:
    region = cluster.regions()[0]["id"]
    target = next(name for name in TIKVS if name != cluster.leaders()[region])
    cluster.world.kill(target)
    body = {"name": "transfer-leader", "region_id": region, "to_store_id": store_ids(cluster)[target]}
    cluster.send("POST", "/operators", body)
    cluster.world.run(2)
    assert len(cluster.get("/operators")) == 1
    cluster.send("DELETE", f"/operators/{region}")
    assert cluster.get("/operators") == []


@pytest.mark.parametrize(
    "wrong",
    [{}, {"name": "fly"}, {"name": "transfer-leader"}, {"name": "transfer-leader", "region_id": 1, "to_store_id": "x"}],
)
def test_an_operator_that_makes_no_sense_is_refused(cluster: Cluster, wrong: dict[str, Any]) -> None:
    assert cluster.ask(leader(cluster), "POST", "/operators", wrong).status == 400


def test_an_operator_for_what_is_not_there_is_refused(cluster: Cluster) -> None:
    region = cluster.regions()[0]["id"]
    for ids in ({"region_id": 4711, "to_store_id": 1}, {"region_id": region, "to_store_id": 4711}):
        assert cluster.ask(leader(cluster), "POST", "/operators", {"name": "transfer-leader", **ids}).status == 500


def test_a_store_whose_leaders_are_evicted_gets_none_until_that_ends(cluster: Cluster) -> None:
    full = next(iter(set(cluster.leaders().values())))
    cluster.send("POST", "/schedulers", {"name": "evict-leader-scheduler", "store_id": store_ids(cluster)[full]})
    cluster.world.run(3)
    assert full not in cluster.leaders().values()
    assert "evict-leader-scheduler" in cluster.get("/schedulers")
    region = cluster.regions()[0]["id"]
    body = {"name": "transfer-leader", "region_id": region, "to_store_id": store_ids(cluster)[full]}
    cluster.send("POST", "/operators", body)
    cluster.world.run(4)
    assert full not in cluster.leaders().values()
    cluster.send("DELETE", "/schedulers/evict-leader-scheduler")
    assert "evict-leader-scheduler" not in cluster.get("/schedulers")
    assert cluster.ask(leader(cluster), "DELETE", "/schedulers/evict-leader-scheduler").status == 404
    cluster.move_leader(region, full)


def test_limits_of_stores_are_taken(cluster: Cluster) -> None:
    assert len(cluster.get("/stores/limit")) == 3
    assert cluster.ask(leader(cluster), "POST", "/stores/limit", {"rate": 200, "type": "add-peer"}).status == 200
    assert cluster.ask(leader(cluster), "POST", "/store/1/limit", {"rate": 0, "type": "add-peer"}).status == 400


def test_configuration_that_makes_no_sense_is_refused(cluster: Cluster) -> None:
    assert cluster.ask(leader(cluster), "POST", "/config", {"schedule.no-such": 1}).status == 400
