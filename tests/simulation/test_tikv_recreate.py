"""A new beginning, and whatever breaks it off."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from subjects.cluster import Answer, ClusterError, Workload
from subjects.protocol import SubjectError, SubjectNotReady
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.options import check
from subjects.tikv.members.pd import Pd
from subjects.tikv.reset.recreate import intended_members, recreate
from subjects.tikv.reset.reset import KnownState
from subjects.tikv.subject import TikvSubject
from subjects.watching.polling import PollSettings
from tests.support.waiting import eventually
from tests.unit.subjects.tikv_fakes import KEYS, PACE, FakeTikv, subject_in
from tests.unit.subjects.tikv_http import split

BUSY = PollSettings(period=0, timeout=0.02)
"""Time passes with every request anyway, and there are very many here."""


def recreating(cluster: FakeTikv) -> TikvSubject:
    return subject_in(cluster, polling=BUSY, reset="recreate")


async def reset(subject: TikvSubject) -> None:
    await asyncio.wait_for(subject.reset(), 5)


async def broken_off(cluster: FakeTikv, subject: TikvSubject, requests: int) -> bool:
    """Whether the reset was broken off when it had made so many requests."""
    cluster.calls.clear()
    cluster.dies_after = requests
    (end,) = await asyncio.gather(asyncio.create_task(reset(subject)), return_exceptions=True)
    cluster.dies_after = None
    assert end is None or isinstance(end, asyncio.CancelledError)
    return end is not None


def sizes(cluster: FakeTikv) -> dict[str, int]:
    return {name: workload.replicas for name, workload in cluster.workloads.items()}


def calls(cluster: FakeTikv, *methods: str) -> list[tuple[Any, ...]]:
    return [call for call in cluster.calls if call[0] in methods]


def assert_healthy(cluster: FakeTikv, pds: int = 3, stores: int = 3) -> None:
    assert sizes(cluster) == {"pd": pds, "tikv": stores}
    assert len(cluster.data.stores) == stores
    assert {store["store"]["state_name"] for store in cluster.data.stores.values()} == {"Up"}
    assert cluster.mishaps == []


# From beginning to end -----------------------------------------------------------------------------------------------


async def test_everything_begins_anew_with_the_regions_there_were_and_leaders_spread() -> None:
    cluster = FakeTikv()
    uids = {pod.uid for pod in cluster.pods.values()}
    await reset(recreating(cluster))
    assert_healthy(cluster)
    assert cluster.data.cluster_id == 7001
    assert uids.isdisjoint(pod.uid for pod in cluster.pods.values())
    assert cluster.boundaries() == [*KEYS]
    assert sorted(Counter(cluster.leaders()).values()) == [2, 2, 2]


async def test_nothing_is_started_before_all_pods_and_all_claims_of_both_are_gone() -> None:
    cluster = FakeTikv()
    await reset(recreating(cluster))
    course = [call[0:3] for call in calls(cluster, "scale_workload", "delete_claim")]
    first_claim = next(number for number, call in enumerate(course) if call[0] == "delete_claim")
    assert set(course[:first_claim]) == {("scale_workload", "pd", 0), ("scale_workload", "tikv", 0)}
    start = course.index(("scale_workload", "pd", 3))
    emptied = {call[1] for call in course[:start]}
    assert {f"data-pd-{n}" for n in range(3)} | {"data-tikv-0", "data-tikv-1"} <= emptied


async def test_a_pod_that_takes_long_to_die_holds_everything_up() -> None:
    cluster = FakeTikv()
    cluster.slow["tikv-2"] = 60
    await reset(recreating(cluster))
    assert_healthy(cluster)


async def test_nothing_is_started_while_its_claims_are_still_on_their_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeTikv()
    left: dict[str, list[str]] = {}
    scale = cluster.scale_workload

    async def noting(namespace: str, name: str, replicas: int) -> None:
        if replicas:
            left[name] = [claim for claim in cluster.claims if claim.startswith(f"data-{name}-")]
        await scale(namespace, name, replicas)

    monkeypatch.setattr(cluster, "scale_workload", noting)
    await reset(recreating(cluster))
    assert left == {"pd": [], "tikv": []}


async def test_it_is_done_when_pd_and_all_stores_are_back() -> None:
    cluster = FakeTikv(keys=())
    cluster.slow["tikv-1"] = 30
    endpoints = Endpoints(cluster.context(reset="recreate"), check(cluster.context().options))
    await recreate(endpoints, Pd(endpoints), KnownState(), PACE.period)
    assert_healthy(cluster)


async def test_regions_are_the_same_after_every_reset_whatever_the_trials_did_to_them() -> None:
    cluster = FakeTikv()
    subject = recreating(cluster)
    await reset(subject)
    split(cluster, ["10", "20"])
    await reset(subject)
    assert cluster.boundaries() == [*KEYS]
    assert cluster.data.cluster_id == 7002


async def test_a_pd_beyond_repair_is_not_asked_for_its_regions_for_ever() -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/regions"] = Answer(500, "etcd lost its quorum")
    resetting = asyncio.create_task(reset(recreating(cluster)))
    await eventually(lambda: calls(cluster, "scale_workload"))
    cluster.script.clear()
    await resetting
    assert_healthy(cluster)


async def test_a_pod_that_only_bears_the_label_is_neither_touched_nor_waited_for() -> None:
    cluster = FakeTikv()
    stray = cluster.pods["tikv-shell-x7k"] = replace(cluster.pods["tikv-0"], name="tikv-shell-x7k", uid="stray")
    await reset(recreating(cluster))
    assert_healthy(cluster)
    assert cluster.pods["tikv-shell-x7k"] == stray


async def test_without_being_asked_nothing_is_emptied() -> None:
    cluster = FakeTikv()
    await reset(subject_in(cluster))
    assert calls(cluster, "scale_workload", "delete_claim") == []
    assert cluster.data.cluster_id == 7000


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("scale_workload", "StatefulSet pd could not be scaled to 0: is forbidden"),
        ("list_claims", "the volume claims in namespace tikv cannot be listed: is forbidden"),
        ("delete_claim", "the volume claim data-pd-0 could not be deleted: is forbidden"),
    ],
)
async def test_a_power_that_was_not_given_is_named_in_a_sentence(method: str, words: str) -> None:
    cluster = FakeTikv()
    cluster.refusals[method] = ClusterError(403, "is forbidden")
    with pytest.raises(SubjectError, match=words):
        await reset(recreating(cluster))


# Broken off ----------------------------------------------------------------------------------------------------------


async def test_a_reset_that_is_broken_off_after_any_request_is_completed_by_another_process() -> None:
    requests, broken = 0, True
    while broken:
        requests += 1
        cluster = FakeTikv()
        broken = await broken_off(cluster, recreating(cluster), requests)
        await reset(recreating(cluster))
        assert_healthy(cluster)
    assert requests > 40


async def test_a_reset_that_is_broken_off_twice_is_completed_by_the_third() -> None:
    for first in range(8, 60, 9):
        for second in range(8, 60, 9):
            cluster = FakeTikv()
            await broken_off(cluster, recreating(cluster), first)
            await broken_off(cluster, recreating(cluster), second)
            await reset(recreating(cluster))
            assert_healthy(cluster)


async def test_in_the_same_process_neither_the_numbers_of_members_nor_the_regions_are_ever_lost() -> None:
    requests, broken = 0, True
    while broken:
        requests += 1
        cluster = FakeTikv(pds=5, stores=4)
        subject = recreating(cluster)
        broken = await broken_off(cluster, subject, requests)
        await reset(subject)
        assert_healthy(cluster, 5, 4)
        assert cluster.boundaries() == [*KEYS]


async def test_another_process_loses_a_number_only_between_the_last_claim_and_the_order_to_start() -> None:
    requests, broken, lost = 0, True, []
    while broken:
        requests += 1
        cluster = FakeTikv(pds=5, stores=4)
        broken = await broken_off(cluster, recreating(cluster), requests)
        done = [call for call in cluster.calls if call[0] in ("delete_claim", "scale_workload")]
        await reset(recreating(cluster))
        if sizes(cluster) != {"pd": 5, "tikv": 4}:
            lost.append(done[-1][:2])
    assert lost and set(lost) <= {("delete_claim", "data-pd-4"), ("delete_claim", "data-tikv-3")}


# The number of members -----------------------------------------------------------------------------------------------

CLAIMS = ("data-pd-0", "data-pd-1", "data-pd-4", "data-tikv-6", "wal-pd-2", "data-pd-x", "data-pd", "metadata-pd-9")


@pytest.mark.parametrize(
    ("replicas", "claims", "remembered", "number"),
    [
        (5, CLAIMS, 3, 5),
        (0, CLAIMS, 7, 7),
        (0, CLAIMS, None, 5),
        (0, ("data-pd-0",), None, 3),
        (0, (), None, 3),
    ],
)
def test_there_should_be_as_many_members_as_there_are_or_were_or_have_claims(
    replicas: int, claims: tuple[str, ...], remembered: int | None, number: int
) -> None:
    assert intended_members(Workload("pd", replicas, {}, ("data",)), claims, remembered) == number


async def test_claims_of_members_that_no_longer_are_go_before_anything_stops() -> None:
    cluster = FakeTikv()
    cluster.claims |= {"data-tikv-3": None, "data-tikv-4": None}
    await reset(recreating(cluster))
    course = [call[:2] for call in calls(cluster, "scale_workload", "delete_claim")]
    assert course[:2] == [("delete_claim", "data-tikv-3"), ("delete_claim", "data-tikv-4")]
    assert_healthy(cluster)


# Being there while stopped -------------------------------------------------------------------------------------------


async def test_a_stopped_system_is_admitted_only_where_every_attempt_begins_anew() -> None:
    cluster = FakeTikv()
    cluster.workloads = {name: Workload(name, 0, {name: "x"}, ("data",)) for name in cluster.workloads}
    cluster.pods.clear()
    await recreating(cluster).check_ready()
    with pytest.raises(SubjectNotReady, match="has 0 replicas; at least 3"):
        await subject_in(cluster).check_ready()


async def test_a_system_that_is_too_small_is_not_admitted_by_beginning_anew() -> None:
    cluster = FakeTikv()
    cluster.workloads["tikv"] = Workload("tikv", 2, {"tikv": "x"}, ("data",))
    with pytest.raises(SubjectNotReady, match="has 2 replicas; at least 3"):
        await recreating(cluster).check_ready()
