"""TiKV's chaos on offer: its parameters, and the target that is chosen by where leaders sit."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from subjects.cluster import Answer, ClusterUnreachable
from subjects.protocol import ChaosRefused, EvalSubject, Fault, SubjectContext, SubjectError
from subjects.tikv.leadership import Leadership
from subjects.tikv.members.pd import PdUnavailable
from subjects.tikv.members.schemas import Regions, Stores
from tests.unit.subjects.tikv_fakes import IMAGES, PAUSE, PDS, STORES, FakeTikv, planned, subject_in

ALL = ("node_kill", "node_down", "pd_kill", "pd_leader_kill")
KILLS = ("node_kill", "pd_kill", "pd_leader_kill")


def test_tikv_keeps_the_subject_protocol() -> None:
    assert isinstance(subject_in(FakeTikv()), EvalSubject)


def test_chaos_is_offered_without_any_cluster() -> None:
    assert set(subject_in(FakeTikv()).get_chaos_types()) == set(ALL)


# Parameters ----------------------------------------------------------------------------------------------------------


def test_by_default_a_kill_is_abrupt_and_where_leaders_sit_does_not_matter() -> None:
    types = subject_in(FakeTikv()).get_chaos_types()
    assert types["node_kill"].params().model_dump(by_alias=True) == (
        {"count": 1, "gracePeriodSeconds": 1, "leaders": "any"}
    )
    assert types["node_down"].params().model_dump(by_alias=True) == {"count": 1, "leaders": "any"}
    assert types["pd_kill"].params().model_dump(by_alias=True) == {"count": 1, "gracePeriodSeconds": 1}
    assert types["pd_leader_kill"].params().model_dump(by_alias=True) == {"gracePeriodSeconds": 1}


@pytest.mark.parametrize("chaos", KILLS)
@pytest.mark.parametrize("value", ["1", -1, 31, True, 1.0, None])
def test_a_grace_period_that_is_no_whole_number_in_range_is_refused_by_name(
    chaos: str, value: bool | float | str | None
) -> None:
    params = subject_in(FakeTikv()).get_chaos_types()[chaos].params
    with pytest.raises(ValidationError, match="gracePeriodSeconds"):
        params.model_validate({"gracePeriodSeconds": value})


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
@pytest.mark.parametrize("value", ["all", "", "Most", 1, None])
def test_leaders_that_are_neither_any_most_nor_none_are_refused_by_name(chaos: str, value: int | str | None) -> None:
    params = subject_in(FakeTikv()).get_chaos_types()[chaos].params
    with pytest.raises(ValidationError, match="leaders"):
        params.model_validate({"leaders": value})


@pytest.mark.parametrize(
    ("chaos", "strange"), [("pd_kill", {"leaders": "any"}), ("node_down", {"gracePeriodSeconds": 1})]
)
def test_a_parameter_of_another_chaos_is_refused(chaos: str, strange: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        subject_in(FakeTikv()).get_chaos_types()[chaos].params.model_validate(strange)


# The target ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chaos", "members"), [("node_kill", STORES), ("node_down", STORES), ("pd_kill", PDS)])
async def test_every_member_is_met_about_as_often(chaos: Any, members: Any) -> None:
    cluster = FakeTikv()
    met = Counter([(await planned(cluster, chaos, seed)).targets[0].name for seed in range(90)])
    assert set(met) == set(members)
    assert min(met.values()) > 15


@pytest.mark.parametrize("chaos", ALL)
async def test_the_same_seed_meets_the_same_member_whatever_the_uids_ids_and_order(chaos: str) -> None:
    first, second = FakeTikv(), FakeTikv()
    second.pods = dict(reversed(second.pods.items()))
    second.appear("tikv-1")
    second.data.regions = dict(reversed(second.data.regions.items()))
    for seed in range(20):
        assert (await planned(first, chaos, seed)).targets[0].name == (await planned(second, chaos, seed)).targets[
            0
        ].name


@pytest.mark.parametrize("chaos", ["node_kill", "pd_kill"])
async def test_a_plan_that_was_broken_off_draws_as_if_it_were_made_for_the_first_time(chaos: str) -> None:
    for seed in range(10):
        cluster, rng = FakeTikv(), Random(seed)
        subject = subject_in(cluster)
        params = subject.get_chaos_types()[chaos].params()
        for method in ("list_workloads", "list_pods", "ask_member"):
            cluster.refusals = {method: ClusterUnreachable("connection refused")}
            with pytest.raises(ClusterUnreachable):
                await subject.plan_chaos(chaos, params, rng)
        cluster.refusals.clear()
        again = await subject.plan_chaos(chaos, params, rng)
        assert again.targets[0].name == (await planned(cluster, chaos, seed)).targets[0].name


@pytest.mark.parametrize(
    ("leaders", "led_by", "met"),
    [
        ("most", (1, 1, 1, 2, 2, 3), {"tikv-0"}),
        ("most", (3, 3, 2, 2, 1, None), {"tikv-1", "tikv-2"}),
        ("none", (1, 1, 1, 1, 1, 2), {"tikv-2"}),
        ("none", (2, 2, 2, 2, 2, 2), {"tikv-0", "tikv-2"}),
        ("any", (1, 1, 1, 1, 1, 1), {"tikv-0", "tikv-1", "tikv-2"}),
    ],
)
@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
async def test_leaders_picks_by_where_leaders_sit_now(chaos: Any, leaders: Any, led_by: Any, met: Any) -> None:
    cluster = FakeTikv()
    cluster.lead(*led_by)
    assert {(await planned(cluster, chaos, seed, leaders=leaders)).targets[0].name for seed in range(30)} == met


async def test_a_store_without_leaders_is_refused_in_a_sentence_where_every_store_has_some() -> None:
    cluster = FakeTikv()
    cluster.lead(1, 1, 1, 2, 2, 3)
    with pytest.raises(ChaosRefused, match="tikv-0 leads 3, tikv-1 leads 2, tikv-2 leads 1"):
        await planned(cluster, "node_kill", leaders="none")


async def test_most_is_refused_while_pd_names_no_leader_at_all() -> None:
    cluster = FakeTikv()
    cluster.lead(None, None, None, None, None, None)
    with pytest.raises(ChaosRefused, match="no store as the leader of any region"):
        await planned(cluster, "node_down", leaders="most")


async def test_the_pd_leader_is_met_wherever_it_is() -> None:
    cluster = FakeTikv()
    for leader in PDS:
        cluster.pd_leader = leader
        assert {(await planned(cluster, "pd_leader_kill", seed)).targets[0].name for seed in range(5)} == {leader}


async def test_without_a_pd_leader_there_is_none_to_kill() -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/members"] = Answer(503, "redirect finds no leader")
    with pytest.raises(ChaosRefused, match="PD names no leader"):
        await planned(cluster, "pd_leader_kill")


async def test_a_members_list_without_a_leader_is_a_refusal_too() -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/members"] = Answer(200, {"header": {"cluster_id": 7000}, "members": []})
    with pytest.raises(ChaosRefused, match="PD has no leader"):
        await planned(cluster, "pd_leader_kill")


async def test_a_pd_leader_that_should_not_be_there_is_left_alone() -> None:
    cluster = FakeTikv()
    stray = {"name": "pd-7", "client_urls": []}
    members = {"header": {"cluster_id": 7000}, "members": [stray], "leader": stray}
    cluster.script["*", "/pd/api/v1/members"] = Answer(200, members)
    with pytest.raises(ChaosRefused, match="pd-7 is none of the pods"):
        await planned(cluster, "pd_leader_kill")


@pytest.mark.parametrize("chaos", ["node_kill", "node_down", "pd_kill"])
async def test_a_pd_that_does_not_answer_leaves_no_plan(chaos: str) -> None:
    cluster = FakeTikv()
    cluster.script["*", "*"] = Answer(503, "redirect finds no leader")
    with pytest.raises(PdUnavailable, match="redirect finds no leader"):
        await planned(cluster, chaos)


@pytest.mark.parametrize("chaos", ALL)
async def test_a_target_that_is_away_is_refused_rather_than_replaced_by_another(chaos: str) -> None:
    cluster = FakeTikv()
    target = (await planned(cluster, chaos)).targets[0].name
    cluster.change(target, deleting=True)
    with pytest.raises(ChaosRefused, match=target):
        await planned(cluster, chaos)


async def test_a_store_that_pd_does_not_know_is_refused() -> None:
    cluster = FakeTikv()
    target = (await planned(cluster, "node_kill")).targets[0].name
    (store,) = (number for number, store in cluster.data.stores.items() if target in store["store"]["address"])
    del cluster.data.stores[store]
    cluster.claims[f"data-{target}"] = (7000, store)
    with pytest.raises(ChaosRefused, match=f"PD knows no store in the target {target}"):
        await planned(cluster, "node_kill")


def test_a_buried_store_at_the_same_address_is_not_the_pods_store() -> None:
    def store(number: int, state: str) -> dict[str, Any]:
        return {"store": {"id": number, "address": "tikv-0.peer:20160", "state_name": state}}

    regions = Regions.model_validate({"regions": [{"id": 1, "leader": {"store_id": 4}}]})
    for states in (("Tombstone", "Up"), ("Offline", "Up")):
        stores = Stores.model_validate({"stores": [store(4, states[0]), store(9, states[1])]})
        assert Leadership.of(stores, regions).facts("tikv-0") == {"storeId": 9, "ledRegions": 0, "regions": 1}
    stores = Stores.model_validate({"stores": [store(4, "Up"), store(9, "Tombstone")]})
    assert Leadership.of(stores, regions).facts("tikv-0") == {"storeId": 4, "ledRegions": 1, "regions": 1}
    stores = Stores.model_validate({"stores": [store(4, "Tombstone")]})
    with pytest.raises(ChaosRefused, match="PD knows no store in the target tikv-0"):
        Leadership.of(stores, regions).facts("tikv-0")


def test_a_pod_without_a_store_is_not_one_that_leads_none() -> None:
    seen = Leadership({"tikv-0": 1}, {"tikv-0": 5}, 5)
    with pytest.raises(ChaosRefused, match="tikv-0 leads 5, tikv-1 leads 0"):
        seen.select(("tikv-0", "tikv-1"), "none")


# The plan ------------------------------------------------------------------------------------------------------------


async def test_a_plan_for_a_store_says_how_many_regions_it_led_of_how_many() -> None:
    cluster = FakeTikv()
    cluster.lead(2, 2, 1, 1, 1, 3)
    fault = await planned(cluster, "node_kill", leaders="most")
    assert fault.targets[0].facts == {"storeId": 1, "ledRegions": 3, "regions": 6}
    assert fault.params == {"count": 1, "gracePeriodSeconds": 1, "leaders": "most"}


async def test_a_plan_for_a_member_of_pd_says_whether_it_led() -> None:
    cluster = FakeTikv()
    cluster.pd_leader = "pd-1"
    for seed in range(10):
        fault = await planned(cluster, "pd_kill", seed)
        assert fault.targets[0].facts == {"led": fault.targets[0].name == "pd-1"}
    assert (await planned(cluster, "pd_leader_kill")).targets[0].facts == {"led": True}


@pytest.mark.parametrize("chaos", ALL)
async def test_a_plan_touches_nothing_and_comes_back_whole_from_the_record(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    assert fault.targets[0].uid == cluster.pods[fault.targets[0].name].uid
    assert Fault.from_json(fault.to_json()) == fault
    assert {call[0] for call in cluster.calls} <= {"list_pods", "list_workloads", "ask_member"}
    assert {call[2] for call in cluster.calls if call[0] == "ask_member"} <= {"GET"}


async def test_a_plan_for_node_down_says_how_to_undo_it() -> None:
    fault = await planned(FakeTikv(), "node_down")
    assert fault.undo == {
        "pods": {
            fault.targets[0].name: {"images": {"tikv": IMAGES["tikv"]}, "image": IMAGES["tikv"], "containerIndex": 0},
        },
        "pauseImage": PAUSE,
    }


def test_a_fault_that_was_recorded_before_there_were_facts_still_loads() -> None:
    stored = {"chaos": "node_kill", "target": "etcd-0", "uid": "u", "params": {}, "undo": {}}
    assert Fault.from_json(stored).targets[0].facts == {}


async def test_node_down_without_a_known_pause_image_is_refused_when_planned() -> None:
    context = FakeTikv().context()
    subject = subject_in(FakeTikv(), context=SubjectContext(context.cluster, "tikv", context.now))
    with pytest.raises(SubjectError, match="pause image"):
        await subject.plan_chaos("node_down", subject.get_chaos_types()["node_down"].params(), Random(1))


async def test_an_unknown_chaos_is_refused_with_the_names_there_are() -> None:
    params = subject_in(FakeTikv()).get_chaos_types()["pd_kill"].params()
    with pytest.raises(SubjectError, match="node_down, node_kill, pd_kill, pd_leader_kill"):
        await subject_in(FakeTikv()).plan_chaos("node_melt", params, Random(1))


@pytest.mark.parametrize(
    ("chaos", "happened", "heals"),
    [
        ("node_kill", "the pod of {} was deleted, which led {} of 6 regions", True),
        ("node_down", "{} was put down, to stay down until somebody deletes its pod, which led {} of 6 regions", False),
    ],
)
async def test_the_record_says_what_was_done_in_words_and_what_reverts_it(
    chaos: Any, happened: Any, heals: Any
) -> None:
    fault = await planned(FakeTikv(), chaos, 1)
    (target,) = fault.targets
    assert fault.happened == happened.format(target.name, target.facts["ledRegions"])
    assert fault.heals_itself is heals and fault.reverted_by
    assert Fault.from_json(fault.to_json()) == fault


async def test_the_record_says_of_pds_members_whether_they_led() -> None:
    assert (await planned(FakeTikv(), "pd_leader_kill")).happened == "the pod of pd-0 was deleted, which led PD"
