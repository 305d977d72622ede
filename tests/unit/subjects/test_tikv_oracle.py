"""What TiKV's oracle makes of one thing gone wrong: which question it answers how, and whom it blames."""

from dataclasses import replace
from typing import Any

import pytest

from subjects.cluster import Answer
from subjects.tikv.members.queries import (
    ALIVE,
    CLUSTER_STATUS,
    MEMBERS,
    PD,
    PING,
    REGIONS,
    STATUS_PORT,
    STORES,
    TIKV,
    TikvQuery,
    region_status,
)
from subjects.tikv.oracle.observations import WriteResult
from tests.unit.subjects.tikv_world import (
    GONE,
    HEARTBEAT_NS,
    LEADERS,
    World,
    leads,
    names,
    pod,
    region_of,
    store,
)


@pytest.fixture
def world() -> World:
    return World()


def answer(world: World) -> tuple[bool | None, bool | None]:
    verdict = world.verdict()
    return verdict.serving, verdict.healthy


def test_a_tikv_with_nothing_wrong_is_healthy_and_nothing_is_said(world: World) -> None:
    verdict = world.verdict()
    assert (verdict.serving, verdict.healthy, verdict.problems) == (True, True, ())


def test_a_verdict_knows_the_uids_of_both_tiers(world: World) -> None:
    assert world.verdict().members == {name: f"uid-{name}" for name in names(PD) + names(TIKV)}


# Service -------------------------------------------------------------------------------------------------------------


def test_a_region_whose_named_leader_says_it_does_not_lead_is_not_served(world: World) -> None:
    world.say("tikv-1", region_status(8, STATUS_PORT), leads(False))
    assert answer(world) == (False, False)
    (problem,) = world.verdict().problems
    assert (problem.reason, problem.message) == (
        "RegionsUnled",
        "1 of 3 regions have no confirmed leader (8): tikv-1 does not lead it",
    )


def test_that_another_store_claims_a_region_does_not_help_it(world: World) -> None:
    world.say("tikv-1", region_status(8, STATUS_PORT), leads(False))
    world.say("tikv-0", region_status(8, STATUS_PORT), leads(True))
    assert answer(world) == (False, False)


def test_a_second_store_that_believes_in_itself_takes_nothing_from_the_named_one(world: World) -> None:
    world.say("tikv-0", region_status(8, STATUS_PORT), leads(True))
    assert answer(world) == (True, True)


@pytest.mark.parametrize("leader", [None, "tikv-1"])
def test_a_region_without_a_leader_or_with_one_that_is_gone_is_not_served(world: World, leader: str | None) -> None:
    world.regions[8] = region_of(8, leader)
    if leader:
        del world.pods[TIKV][leader]
    assert answer(world) == (False, False)
    assert "RegionsUnled" in world.reasons()


def test_a_leader_that_does_not_have_the_region_does_not_serve_it(world: World) -> None:
    world.say("tikv-1", region_status(8, STATUS_PORT), Answer(404, None))
    assert answer(world) == (False, False)


def test_a_frozen_store_serves_none_of_its_regions_though_everything_is_ready_and_up(world: World) -> None:
    world.hush("tikv-1")
    assert answer(world) == (False, False)
    assert world.blamed("StoreSilent") == {"tikv-1"}


def test_a_frozen_store_that_leads_nothing_costs_only_redundancy(world: World) -> None:
    world.regions[8] = region_of(8, "tikv-0")
    world.say("tikv-0", region_status(8, STATUS_PORT), leads())
    world.hush("tikv-1")
    assert answer(world) == (True, False)


def test_a_leader_that_was_not_asked_yet_leaves_service_open(world: World) -> None:
    world.say("tikv-1", region_status(8, STATUS_PORT), GONE)
    assert answer(world) == (None, None)


def test_one_region_that_is_not_served_settles_it_whatever_is_still_open(world: World) -> None:
    world.say("tikv-1", region_status(8, STATUS_PORT), GONE)
    world.say("tikv-2", region_status(10, STATUS_PORT), leads(False))
    assert answer(world) == (False, False)


def test_a_region_status_that_cannot_be_read_tells_of_neither(world: World) -> None:
    world.say("tikv-1", region_status(8, STATUS_PORT), Answer(200, {"raft_status": 7}))
    assert answer(world) == (None, None)
    assert "raft_status" in world.verdict().message


def test_the_status_port_is_the_one_that_the_store_registered(world: World) -> None:
    world.stores["tikv-1"] = store("tikv-1", status_address="tikv-1.tikv-peer:30180")
    world.say("tikv-1", region_status(8, 30180), leads())
    world.say("tikv-1", region_status(8, STATUS_PORT), GONE)
    assert answer(world) == (True, True)


# The writing client --------------------------------------------------------------------------------------------------


def written(**errors: str) -> dict[int, WriteResult | None]:
    return {id_: WriteResult(1.0, errors.get(f"r{id_}")) for id_ in LEADERS}


def test_where_somebody_writes_the_writes_decide_what_service_is(world: World) -> None:
    world.writes = written(r8="TimeoutError")
    assert answer(world) == (False, False)
    assert world.reasons() == {"WritesFail"}


def test_writes_that_go_through_are_service_though_a_leader_is_not_confirmed_but_not_health(world: World) -> None:
    world.writes = written()
    world.say("tikv-1", region_status(8, STATUS_PORT), leads(False))
    assert answer(world) == (True, False)


def test_a_write_that_has_not_ended_leaves_service_open(world: World) -> None:
    world.writes = written() | {8: None}
    assert answer(world) == (None, None)


def test_a_client_that_has_not_learned_of_any_region_knows_nothing(world: World) -> None:
    world.writes = {}
    assert answer(world) == (None, None)


def test_an_outage_began_when_the_question_was_asked_that_got_no_answer(world: World) -> None:
    world.hush("tikv-1")
    verdict = world.verdict()
    assert verdict.unserved_since is not None
    assert (verdict.at - verdict.unserved_since).total_seconds() == 1.0


def test_while_clients_are_served_no_outage_has_a_beginning(world: World) -> None:
    assert world.verdict().unserved_since is None


# PD ------------------------------------------------------------------------------------------------------------------


def test_without_a_leader_of_pd_service_is_unknown_and_the_stores_are_not_accused(world: World) -> None:
    world.leaderless()
    assert answer(world) == (None, False)
    assert world.reasons() == {"PDLeaderless"}


def test_without_a_leader_of_pd_the_writing_client_still_tells_of_service(world: World) -> None:
    world.leaderless()
    world.writes = written()
    assert answer(world) == (True, False)
    world.writes = written(r3="TimeoutError")
    assert answer(world) == (False, False)


def test_while_not_every_member_has_said_who_leads_nothing_is_claimed(world: World) -> None:
    for name in names(PD):
        world.say(name, MEMBERS, GONE)
    assert answer(world) == (None, None)


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"ready": False}, "PodNotReady"),
        ({"deleting": True}, "PodTerminating"),
        ({"images": {PD: "pause"}}, "PodImageDiffers"),
    ],
)
def test_trouble_with_one_of_pds_pods_is_a_lack_of_redundancy_only(
    world: World, fields: dict[str, Any], reason: str
) -> None:
    world.change(PD, "pd-2", **fields)
    assert answer(world) == (True, False)
    assert world.blamed(reason) == {"pd-2"}


def test_a_member_of_pd_that_alone_is_silent_is_the_subjects_trouble(world: World) -> None:
    world.hush("pd-2")
    assert answer(world) == (True, False)
    assert world.blamed("PDSilent") == {"pd-2"}


def test_all_of_pd_silent_while_kubernetes_calls_it_ready_is_our_sight_lost(world: World) -> None:
    for name in names(PD):
        world.hush(name)
    assert answer(world) == (None, None)
    assert "no member of PD answers us: no answer within 1 s" in world.verdict().message


def test_all_of_pd_silent_with_one_pod_gone_is_the_subjects_trouble(world: World) -> None:
    for name in names(PD):
        world.hush(name)
    del world.pods[PD]["pd-1"]
    assert answer(world) == (None, False)


def test_that_pd_cannot_be_seen_does_not_hide_a_store_that_is_not_ready(world: World) -> None:
    for name in names(PD):
        world.hush(name)
    world.change(TIKV, "tikv-0", ready=False)
    assert answer(world) == (None, False)


def test_another_set_of_members_is_not_healthy(world: World) -> None:
    world.members.pop()
    assert answer(world) == (True, False)
    assert world.reasons() == {"PDMembershipDiffers"}


def test_a_member_that_pds_leader_does_not_reach_is_named_once(world: World) -> None:
    world.health["pd-1"] = False
    assert world.blamed("PDUnreached") == {"pd-1"}
    world.hush("pd-1")
    assert world.reasons() == {"PDSilent"}


def test_a_wiped_cluster_in_its_place_is_not_healthy(world: World) -> None:
    world.cluster_id = 1
    assert answer(world) == (True, False)
    assert world.reasons() == {"ClusterReplaced"}


def test_a_cluster_that_pd_has_not_bootstrapped_is_trouble_by_pds_own_word(world: World) -> None:
    refusal = Answer(500, "TiKV cluster not bootstrapped, please start TiKV first")
    for query in (STORES, REGIONS):
        world.say("pd-0", query, refusal)
    assert answer(world) == (None, False)
    assert "not bootstrapped" in world.verdict().message


def test_a_cluster_that_is_not_initialized_is_not_healthy(world: World) -> None:
    world.initialized = False
    assert world.reasons() == {"NotInitialized"}


@pytest.mark.parametrize("query", [MEMBERS, STORES, REGIONS, CLUSTER_STATUS])
@pytest.mark.parametrize("body", [None, [], "text", 7, {"stores": "x", "regions": 1, "is_initialized": "maybe"}])
def test_an_answer_that_cannot_be_read_is_unknown_with_a_reason(world: World, query: TikvQuery, body: Any) -> None:
    for name in names(PD):
        world.say(name, query, Answer(200, body))
    verdict = world.verdict()
    assert verdict.healthy is None
    assert "unexpected answer" in verdict.message


def test_a_redirect_is_unknown_with_a_reason(world: World) -> None:
    world.say("pd-0", STORES, Answer(307, None))
    assert world.verdict().healthy is None
    assert "HTTP 307" in world.verdict().message


def test_a_member_that_calls_itself_unwell_is_named(world: World) -> None:
    world.say("pd-2", PING, Answer(500, "etcd is down"))
    assert world.blamed("PDUnhealthy") == {"pd-2"}


# Stores --------------------------------------------------------------------------------------------------------------


def test_stores_that_pd_misses_and_that_answer_us_are_unheard_not_down(world: World) -> None:
    world.stores = {name: store(name, "Down", last_heartbeat=0) for name in names(TIKV)}
    assert answer(world) == (True, False)
    assert world.reasons() == {"StoreUnheard"}


def test_a_store_that_pd_misses_and_that_is_silent_is_down(world: World) -> None:
    world.stores["tikv-1"] = store("tikv-1", "Disconnected")
    world.hush("tikv-1")
    assert world.blamed("StoreDown") == {"tikv-1"}


def test_of_a_store_that_has_not_answered_yet_no_answer_is_claimed(world: World) -> None:
    world.stores["tikv-1"] = store("tikv-1", "Disconnected")
    world.forget("tikv-1")
    said = [problem.message for problem in world.verdict().problems if problem.member == "tikv-1"]
    assert "PD calls tikv-1 Disconnected" in said and "tikv-1 has not answered yet" in said
    assert not any("answers us" in each or "does not answer" in each for each in said)


def test_a_store_on_no_address_is_missing_and_on_an_unknown_one_unexpected(world: World) -> None:
    moved = store("tikv-1")
    moved["store"]["address"] = "elsewhere:20160"
    world.stores["tikv-1"] = moved
    assert {"StoreMissing", "StoreUnexpected"} <= world.reasons()
    assert world.blamed("StoreMissing") == {"tikv-1"}


def test_two_stores_on_one_address_are_one_too_many(world: World) -> None:
    world.stores["twin"] = store("tikv-1", id=99)
    assert world.blamed("StoreDuplicated") == {"tikv-1"}


@pytest.mark.parametrize("state, reason", [("Tombstone", "StoreTombstone"), ("Offline", "StoreOffline")])
def test_stores_on_their_way_out_are_named(world: World, state: str, reason: str) -> None:
    world.stores["old"] = store("tikv-1", state, id=99)
    if state == "Offline":
        del world.stores["tikv-1"]
    assert world.blamed(reason) == {"tikv-1"}
    assert answer(world)[1] is False


def test_a_destroyed_store_is_named(world: World) -> None:
    world.stores["tikv-1"] = store("tikv-1", "Offline", physically_destroyed=True)
    assert world.blamed("StoreDestroyed") == {"tikv-1"}


def test_a_store_that_pd_has_not_heard_from_for_two_intervals_is_stale_before_pd_says_so(world: World) -> None:
    world.stores["tikv-1"] = store("tikv-1", last_heartbeat=HEARTBEAT_NS - 22 * 10**9)
    assert world.blamed("StoreStale") == {"tikv-1"}
    world.stores["tikv-1"] = store("tikv-1", last_heartbeat=HEARTBEAT_NS - 20 * 10**9)
    assert answer(world) == (True, True)


def test_a_store_that_has_not_answered_yet_leaves_health_open(world: World) -> None:
    world.say("tikv-1", ALIVE, GONE)
    assert answer(world) == (True, None)


@pytest.mark.parametrize("fields", [{"ready": False}, {"deleting": True}, {"images": {TIKV: "pause"}}])
def test_trouble_with_a_stores_pod_is_not_healthy(world: World, fields: dict[str, Any]) -> None:
    world.change(TIKV, "tikv-1", **fields)
    assert answer(world) == (True, False)


def test_a_new_pod_that_has_not_been_asked_anything_is_open_not_accused(world: World) -> None:
    world.pods[TIKV]["tikv-1"] = replace(pod(TIKV, "tikv-1"), uid="uid-new")
    assert answer(world) == (None, None)


# Replicas ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"pending_peers": [{"id": 5, "store_id": 1}]}, "PeersPending"),
        ({"down_peers": [{"peer": {"id": 5, "store_id": 1}, "down_seconds": 30}]}, "PeersDown"),
        ({"peers": [{"id": 1, "store_id": 1}, {"id": 2, "store_id": 7}]}, "PeersMissing"),
    ],
)
def test_replicas_that_lag_are_down_or_missing_cost_only_redundancy(
    world: World, fields: dict[str, Any], reason: str
) -> None:
    world.regions[8] = region_of(8, "tikv-1", **fields)
    assert answer(world) == (True, False)
    (problem,) = world.verdict().problems
    assert problem.reason == reason
    assert problem.message.startswith("1 of 3 regions have")


def test_a_learner_is_no_voter(world: World) -> None:
    peers = [{"id": 1, "store_id": 1}, {"id": 2, "store_id": 7}, {"id": 3, "store_id": 2, "role_name": "Learner"}]
    world.regions[8] = region_of(8, "tikv-1", peers=peers)
    assert world.reasons() == {"PeersLearning", "PeersMissing"}


TIFLASH: dict[str, Any] = {
    "id": 40,
    "labels": [{"key": "engine", "value": "tiflash"}],
    "address": "tiflash-0.tiflash-peer.tikv.svc:3930",
}


def with_learner(world: World, store_id: int = 40) -> dict[str, Any]:
    """A region's fields: all its voters, and one replica more that has no vote."""
    return {"peers": [*region_of(8, "tikv-1")["peers"], {"id": 900, "store_id": store_id, "role_name": "Learner"}]}


def test_a_tiflash_that_holds_replicas_is_none_of_tikvs_stores_and_no_lack(world: World) -> None:
    world.stores["tiflash-0"] = store("tikv-0", **TIFLASH)
    world.regions[8] = region_of(8, "tikv-1", **with_learner(world))
    assert (answer(world), world.verdict().problems) == ((True, True), ())


@pytest.mark.parametrize("state", ["Down", "Disconnected", "Offline", "Tombstone"])
def test_a_tiflash_that_is_away_takes_nothing_from_tikv(world: World, state: str) -> None:
    world.stores["tiflash-0"] = store("tikv-0", state, **TIFLASH, last_heartbeat=0)
    behind = {"id": 900, "store_id": 40}
    fields: dict[str, Any] = {"pending_peers": [behind], "down_peers": [{"peer": behind, "down_seconds": 900}]}
    world.regions[8] = region_of(8, "tikv-1", **with_learner(world), **fields)
    assert answer(world) == (True, True)


def test_a_store_without_that_label_is_unexpected_where_no_pod_should_be(world: World) -> None:
    world.stores["tiflash-0"] = store("tikv-0", **(TIFLASH | {"labels": [{"key": "zone", "value": "tiflash"}]}))
    assert "StoreUnexpected" in world.reasons()


def test_a_voter_that_lags_beside_a_learner_is_a_lack(world: World) -> None:
    fields = {"pending_peers": [{"id": 1, "store_id": 1}]}
    world.regions[8] = region_of(8, "tikv-1", **with_learner(world), **fields)
    assert world.reasons() == {"PeersPending"}


def test_a_cluster_without_regions_serves_nobody(world: World) -> None:
    world.regions = {}
    assert world.verdict().healthy is False
    assert "NoRegions" in world.reasons()
