"""The known state: pods, what outlives pods, configuration, and the same cluster as before."""

import asyncio
from typing import Any

import pytest

from subjects.cluster import Answer, ClusterError, ClusterUnreachable, MemberUnreachable
from subjects.protocol import SubjectError
from subjects.tikv.reset.settings import changed_by_attempt, values_to_restore
from subjects.tikv.subject import TikvSubject
from tests.support.waiting import eventually
from tests.unit.subjects.tikv_fakes import HANG, FakeTikv, subject_in
from tests.unit.subjects.tikv_http import peer, store


async def reset(subject: TikvSubject) -> None:
    await asyncio.wait_for(subject.reset(), 2)


async def after_a_first_reset() -> tuple[FakeTikv, TikvSubject]:
    cluster = FakeTikv()
    subject = subject_in(cluster)
    await reset(subject)
    cluster.calls.clear()
    return cluster, subject


async def reset_after_the_attempt(subject: TikvSubject) -> None:
    """What was changed was changed while the attempt was under way."""
    await subject.end_attempt()
    await reset(subject)


def orders(cluster: FakeTikv) -> list[tuple[Any, ...]]:
    return [call[1:] for call in cluster.calls if call[0] == "ask_member" and call[2] != "GET"]


def touched(cluster: FakeTikv) -> set[str]:
    return {call[0] for call in cluster.calls} - {"list_pods", "list_workloads", "ask_member"}


async def test_reset_of_a_system_in_its_known_state_changes_nothing() -> None:
    cluster, subject = await after_a_first_reset()
    await reset(subject)
    assert (orders(cluster), touched(cluster)) == ([], set())


async def test_reset_spreads_the_leaders() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.lead(1, 1, 1, 1, 1, 1)
    await reset(subject)
    assert cluster.leaders() == [1, 2, 3, 1, 2, 3]


# Pods ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pd-1", "tikv-2"])
async def test_a_pod_that_is_on_its_way_out_is_waited_for_and_named(name: str) -> None:
    cluster, subject = await after_a_first_reset()
    cluster.change(name, deleting=True)
    said: list[str] = []
    resetting = asyncio.create_task(subject.reset(said.append))
    await eventually(lambda: said)
    cluster.vanish(name)
    await asyncio.wait_for(resetting, 60)
    assert said[0] == f"{name} is being deleted"
    assert touched(cluster) == set()


async def test_reset_lets_an_unreachable_api_server_through() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.refusals["list_pods"] = ClusterUnreachable("connection refused")
    with pytest.raises(ClusterUnreachable):
        await reset(subject)


@pytest.mark.parametrize(
    "silence", [MemberUnreachable("frozen"), Answer(503, "redirect finds no leader"), ClusterError(403, "")]
)
async def test_a_pd_that_does_not_answer_yet_is_waited_for(silence: Answer | ClusterError | MemberUnreachable) -> None:
    cluster, subject = await after_a_first_reset()
    cluster.script["*", "*"] = silence
    resetting = asyncio.create_task(reset(subject))
    await asyncio.sleep(0.02)
    assert not resetting.done()
    cluster.script.clear()
    await resetting


async def test_a_member_of_pd_that_does_not_answer_is_passed_over_for_the_one_that_did() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.pd_leader = "pd-1"
    cluster.script["pd-0", "*"] = MemberUnreachable("frozen")
    await reset(subject)
    asked = [call[1] for call in cluster.calls if call[0] == "ask_member" and call[1].startswith("pd")]
    assert asked.count("pd-0") == 1
    assert asked.count("pd-1") > 5


# What outlives pods --------------------------------------------------------------------------------------------------


async def test_a_store_that_was_told_to_go_is_kept() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.data.stores[2]["store"]["state_name"] = "Offline"
    await reset_after_the_attempt(subject)
    assert cluster.data.stores[2]["store"]["state_name"] == "Up"
    assert [order[1:3] for order in orders(cluster)] == [("POST", "/pd/api/v1/store/2/state?state=Up")]


async def test_a_store_of_a_pod_that_should_not_be_is_left_to_go() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.data.stores[9] = store(9, "tikv-3", "Offline")
    await reset_after_the_attempt(subject)
    assert orders(cluster) == []


async def test_records_of_buried_stores_are_removed() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.data.stores[9] = store(9, "tikv-1", "Tombstone")
    await reset_after_the_attempt(subject)
    assert set(cluster.data.stores) == {1, 2, 3}


async def test_a_store_that_was_declared_destroyed_cannot_be_brought_back() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.data.stores[2]["store"] |= {"state_name": "Offline", "physically_destroyed": True}
    with pytest.raises(SubjectError, match="store 2 of tikv-1 was declared destroyed"):
        await reset_after_the_attempt(subject)


async def test_a_destroyed_store_whose_pod_has_another_by_now_is_left_to_go() -> None:
    cluster, subject = await after_a_first_reset()
    del cluster.data.stores[2]
    cluster.data.stores[9] = store(9, "tikv-1", "Offline", physically_destroyed=True)
    cluster.data.stores[12] = store(12, "tikv-1")
    cluster.claims["data-tikv-1"] = (7000, 12)
    for region in cluster.data.regions.values():
        region["peers"] = [peer(number) for number in (1, 12, 3)]
    await reset_after_the_attempt(subject)
    assert cluster.leaders() == [1, 12, 3, 1, 12, 3]


@pytest.mark.parametrize("name", ["evict-leader-scheduler", "evict-leader-scheduler-4", "grant-leader-scheduler"])
async def test_a_scheduler_that_an_attempt_added_to_keep_leaders_on_or_off_a_store_is_removed(name: str) -> None:
    cluster, subject = await after_a_first_reset()
    others = set(cluster.schedulers)
    cluster.schedulers.add(name)
    await reset_after_the_attempt(subject)
    assert cluster.schedulers == others


async def test_an_order_that_pd_refuses_is_an_error_in_its_words_if_it_is_still_needed() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.data.stores[2]["store"]["state_name"] = "Offline"
    cluster.script["*", "/pd/api/v1/store/2/state?state=Up"] = Answer(400, "the store is too old")
    with pytest.raises(SubjectError, match="the store is too old"):
        await reset_after_the_attempt(subject)


async def test_a_refusal_of_what_somebody_else_has_undone_does_no_harm() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.schedulers.add("evict-leader-scheduler")
    path = "/pd/api/v1/schedulers/evict-leader-scheduler"
    cluster.script["*", path] = Answer(404, "scheduler not found")
    cluster.on_path[path] = lambda: cluster.schedulers.discard("evict-leader-scheduler")
    await reset_after_the_attempt(subject)
    assert [order[2] for order in orders(cluster)] == [path]


async def test_a_new_pd_leader_that_has_no_schedulers_yet_is_given_time_to_show_what_it_has() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.schedulers, later = set(), cluster.schedulers | {"evict-leader-scheduler"}
    looks = iter([set(), set(), later])
    cluster.on_path["/pd/api/v1/schedulers"] = lambda: cluster.schedulers.update(next(looks, set()))
    await reset_after_the_attempt(subject)
    assert cluster.schedulers == later - {"evict-leader-scheduler"}


async def test_a_pd_whose_schedulers_were_all_removed_is_not_waited_for_for_ever() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.schedulers = set()
    await reset_after_the_attempt(subject)


# Configuration -------------------------------------------------------------------------------------------------------


async def test_configuration_of_pd_that_was_changed_is_set_back_to_what_the_first_reset_found() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.pd_config["schedule"] |= {"leader-schedule-limit": 0, "enable-witness": "true", "store-limit-version": "v2"}
    cluster.pd_config["replication"]["max-replicas"] = 5
    await reset_after_the_attempt(subject)
    assert cluster.pd_config["schedule"]["leader-schedule-limit"] == 4
    assert cluster.pd_config["schedule"]["enable-witness"] == "false"
    assert cluster.pd_config["schedule"]["store-limit-version"] == "v1"
    assert cluster.pd_config["replication"]["max-replicas"] == 3


async def test_what_pd_changes_by_itself_is_left_alone() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.pd_config["schedule"] |= {
        "store-limit": {"4": {"add-peer": 15}},
        "schedulers-v2": [{"type": "evict-leader"}],
    }
    await reset_after_the_attempt(subject)
    assert orders(cluster) == []


async def test_configuration_of_a_store_is_set_back_although_it_answers_that_it_could_not_write_its_file() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.store_configs["tikv-1"]["gc"]["batch-keys"] = 1
    await reset_after_the_attempt(subject)
    assert cluster.store_configs["tikv-1"]["gc"]["batch-keys"] == 512
    assert [(order[0], order[3]) for order in orders(cluster)] == [("tikv-1", {"gc.batch-keys": 512})]


@pytest.mark.parametrize(("key", "whose"), [("schedule.leader-schedule-limit", "PD"), ("gc.ratio-threshold", "tikv-2")])
async def test_configuration_that_does_not_go_back_is_an_error_that_names_it(key: str, whose: str) -> None:
    cluster, subject = await after_a_first_reset()
    cluster.unchangeable.add(key)
    section, name = key.split(".")
    tree = cluster.pd_config if whose == "PD" else cluster.store_configs[whose]
    tree[section][name] = 99
    with pytest.raises(SubjectError, match=rf"{whose}: {key} is 99 and does not go back to .*{key} can not be changed"):
        await reset_after_the_attempt(subject)


async def test_a_store_that_does_not_answer_yet_is_waited_for() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.script["tikv-0", "/config"] = HANG
    resetting = asyncio.create_task(reset(subject))
    await asyncio.sleep(0.03)
    assert not resetting.done()
    cluster.script.clear()
    await resetting


async def test_a_store_that_will_not_tell_its_configuration_is_an_error() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.script["tikv-0", "/config"] = Answer(403, "certificate role error")
    with pytest.raises(SubjectError, match="tikv-0 does not tell its configuration: HTTP 403: certificate role error"):
        await reset_after_the_attempt(subject)


@pytest.mark.parametrize(
    ("remembered", "now", "orders"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 1}),
        ({"a": 0}, {}, {}),
        ({}, {"a": 0}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({}, {"a": 7}, {"a": 0}),
        ({}, {"halt": "true"}, {"halt": "false"}),
        ({}, {"policy": "size"}, {"policy": ""}),
        ({"a": ["x"]}, {"a": ["x"]}, {}),
    ],
)
def test_a_key_that_is_left_out_stands_for_nothing(
    remembered: dict[str, Any], now: dict[str, Any], orders: dict[str, Any]
) -> None:
    assert values_to_restore(remembered, now) == orders


@pytest.mark.parametrize(
    ("after", "now", "orders"),
    [
        ({"a": 2}, {"a": 2}, {"a": 1}),  # changed by the attempt
        ({"a": 1}, {"a": 2}, {}),  # changed after it
        ({"a": 2}, {"a": 3}, {}),  # changed by it, and again after it
        ({"a": 2}, {"a": 1}, {}),  # changed by it, and set back by somebody
        ({}, {}, {"a": 1}),  # taken away by it
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"b": 0}),  # added by it
        ({"a": 1, "b": 2}, {"a": 1}, {}),
    ],
)
def test_only_what_the_attempt_changed_last_is_set_back(
    after: dict[str, int], now: dict[str, int], orders: dict[str, int]
) -> None:
    assert changed_by_attempt({"a": 1}, after, now) == orders


# What the attempt did not do -----------------------------------------------------------------------------------------


def meddle(cluster: FakeTikv) -> None:
    """All that a reset could set back."""
    cluster.pd_config["schedule"]["leader-schedule-limit"] = 9
    cluster.store_configs["tikv-1"]["gc"]["batch-keys"] = 1
    cluster.data.stores[9] = store(9, "tikv-3", "Tombstone")
    cluster.schedulers.add("shuffle-region-scheduler")


async def test_what_an_owner_changes_between_two_attempts_is_learnt_and_kept() -> None:
    cluster, subject = await after_a_first_reset()
    await subject.end_attempt()
    meddle(cluster)
    await reset_after_the_attempt(subject)
    await reset_after_the_attempt(subject)
    assert (orders(cluster), touched(cluster)) == ([], set())


async def test_what_stood_before_the_first_reset_is_kept() -> None:
    cluster = FakeTikv()
    meddle(cluster)
    subject = subject_in(cluster)
    cluster.lead(1, 2, 3, 1, 2, 3)
    await reset(subject)
    await reset_after_the_attempt(subject)
    assert (orders(cluster), touched(cluster)) == ([], set())


async def test_of_an_attempt_whose_end_nobody_saw_nothing_is_set_back() -> None:
    cluster, subject = await after_a_first_reset()
    meddle(cluster)
    cluster.script["*", "*"] = MemberUnreachable("frozen")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subject.end_attempt(), 0.05)
    cluster.script.clear()
    await reset_after_the_attempt(subject)
    assert orders(cluster) == []


async def test_a_store_that_is_only_just_starting_hides_nothing_of_what_the_attempt_changed_elsewhere() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.pd_config["schedule"]["leader-schedule-limit"] = 0
    cluster.script["tikv-2", "*"] = MemberUnreachable("connection refused")
    await asyncio.wait_for(subject.end_attempt(), 60)
    cluster.script.clear()
    await reset(subject)
    assert cluster.pd_config["schedule"]["leader-schedule-limit"] == 4


async def test_an_attempt_that_failed_in_its_reset_is_not_taken_for_the_one_that_changed_things() -> None:
    cluster, subject = await after_a_first_reset()
    await subject.end_attempt()
    meddle(cluster)
    cluster.script["*", "*"] = HANG
    failed = asyncio.create_task(subject.reset())
    await asyncio.sleep(0.01)
    failed.cancel()
    await asyncio.gather(failed, return_exceptions=True)
    cluster.script.clear()
    cluster.calls.clear()
    await reset_after_the_attempt(subject)
    assert orders(cluster) == []


async def test_a_store_that_its_owner_takes_out_of_service_goes() -> None:
    cluster, subject = await after_a_first_reset()
    await subject.end_attempt()
    cluster.data.stores[2]["store"]["state_name"] = "Offline"
    await reset(subject)
    assert orders(cluster) == []


async def test_a_scheduler_that_an_owner_added_stays_and_is_named_where_it_holds_leaders() -> None:
    cluster = FakeTikv()
    cluster.schedulers.add("evict-leader-scheduler-1")
    cluster.obeys_transfers = False
    said: list[str] = []
    resetting = asyncio.create_task(subject_in(cluster).reset(said.append))
    await eventually(lambda: any("evict-leader-scheduler-1" in each for each in said))
    cluster.obeys_transfers = True
    await asyncio.wait_for(resetting, 60)
    assert "evict-leader-scheduler-1" in cluster.schedulers


async def test_records_of_stores_that_an_owner_removed_do_not_make_the_system_unhealthy() -> None:
    cluster = FakeTikv()
    cluster.data.stores[9] = store(9, "tikv-3", "Tombstone")
    subject = subject_in(cluster)
    await reset(subject)
    assert (await asyncio.wait_for(subject.wait_healthy(0.01, lambda verdict: None), 60)).healthy
    assert 9 in cluster.data.stores


# The same cluster ----------------------------------------------------------------------------------------------------


async def test_a_cluster_that_was_replaced_is_an_error_ever_after() -> None:
    cluster, subject = await after_a_first_reset()
    cluster.replace_data(7001)
    for _ in range(2):
        with pytest.raises(SubjectError, match="the cluster was replaced: its id is 7001 and was 7000"):
            await reset(subject)


async def test_another_campaign_takes_the_cluster_that_it_finds() -> None:
    cluster, _ = await after_a_first_reset()
    cluster.replace_data(7001)
    await reset(subject_in(cluster))
