"""One fault that hits several members at once: drawn by the seed, applied and undone as a whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from controller.attempt.observation import manifests
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.etcd import EtcdSubject
from subjects.etcd.api import EtcdPollSettings
from subjects.protocol import BlastRadius, ChaosRefused, Fault, Problem, SubjectError, Verdict
from tests.unit.subjects import tikv_fakes
from tests.unit.subjects.fakes import IMAGE, PAUSE, FakeCluster
from tests.unit.subjects.tikv_fakes import FakeTikv

PACE = EtcdPollSettings(period=0.005, timeout=0.03)
CHAOS = ("node_kill", "node_down")


async def planned(cluster: FakeCluster, chaos: str, count: int = 2, seed: int = 1) -> Fault:
    subject = EtcdSubject(cluster.context(), PACE)
    return await subject.plan_chaos(chaos, subject.get_chaos_types()[chaos].params(count=count), Random(seed))


async def injected(cluster: FakeCluster, fault: Fault) -> None:
    await EtcdSubject(cluster.context(), PACE).inject_chaos(fault)


async def cleaned(cluster: FakeCluster, fault: Fault) -> None:
    # From the record alone: what was stored, read back by a process that knows nothing else.
    subject = EtcdSubject(cluster.context(), PACE)
    await asyncio.wait_for(subject.cleanup_chaos(Fault.from_json(fault.to_json())), 1)


def many() -> FakeCluster:
    """One in which a campaign may take the majority."""
    cluster = FakeCluster()
    cluster.allow_quorum_loss = True
    return cluster


def hurt(cluster: FakeCluster, fault: Fault) -> set[str]:
    """The targets that are not as they were planned."""
    pods = cluster.pods
    return {t.name for t in fault.targets if pods[t.name].uid != t.uid or pods[t.name].images != {"etcd": IMAGE}}


class RefusesOne(FakeCluster):
    """Answers the request about one pod as told, and does the others."""

    def __init__(self, answer: Exception) -> None:
        super().__init__()
        self.answer = answer
        self.about = ""
        self.allow_quorum_loss = True

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int) -> None:
        if name == self.about:
            raise self.answer
        await super().delete_pod(namespace, name, uid, grace_seconds)

    async def patch_pod(self, namespace: str, name: str, operations: Any) -> None:
        if name == self.about:
            raise self.answer
        await super().patch_pod(namespace, name, operations)


# Plan ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, 100, "2", 2.0, True, None])
def test_a_count_that_is_no_number_of_members_is_refused_by_name(value: bool | float | str | None) -> None:
    params = EtcdSubject(FakeCluster().context(), PACE).get_chaos_types()["node_kill"].params
    with pytest.raises(ValidationError, match="count"):
        params.model_validate({"count": value})


async def test_targets_differ_and_every_pair_is_met_about_as_often() -> None:
    cluster = FakeCluster()
    faults = [await planned(cluster, "node_kill", seed=seed) for seed in range(300)]
    pairs = Counter(frozenset(target.name for target in fault.targets) for fault in faults)
    assert len(pairs) == 3 and {len(pair) for pair in pairs} == {2}
    assert min(pairs.values()) > 70


async def test_the_first_target_is_the_one_that_a_single_fault_of_that_seed_would_hit() -> None:
    cluster = FakeCluster()
    for seed in range(20):
        one, two = await planned(cluster, "node_kill", 1, seed), await planned(cluster, "node_kill", 2, seed)
        assert (one.targets, len(two.targets)) == (two.targets[:1], 2)


async def test_the_record_holds_all_targets_and_an_old_record_holds_one() -> None:
    fault = await planned(FakeCluster(), "node_down", 3)
    assert Fault.from_json(fault.to_json()) == fault and len(fault.targets) == 3
    stored = fault.to_json()
    first, *others = stored.pop("targets")
    old = stored | {"target": first["name"], "uid": first["uid"]}
    assert Fault.from_json(old).targets == fault.targets[:1]
    several = old | {"others": [{"name": each["name"], "uid": each["uid"]} for each in others]}
    assert Fault.from_json(several | {"facts": {}}) == fault


async def test_members_that_differ_in_their_containers_are_broken_and_undone_each_as_it_is() -> None:
    cluster = many()
    first = await planned(cluster, "node_down")
    cluster.change(first.targets[0].name, images={"proxy": "proxy:1", "etcd": "etcd:3.5"})
    fault = await planned(cluster, "node_down")
    await injected(cluster, fault)
    assert cluster.pods[fault.targets[0].name].images == {"proxy": "proxy:1", "etcd": PAUSE}
    assert cluster.pods[fault.targets[1].name].images == {"etcd": PAUSE}
    await cleaned(cluster, fault)
    assert hurt(cluster, fault) == {target.name for target in fault.targets}, "both were made anew"
    assert not any(PAUSE in pod.images.values() for pod in cluster.pods.values())


# Inject --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chaos", CHAOS)
async def test_all_targets_are_hit_and_nobody_else(chaos: str) -> None:
    cluster = many()
    fault = await planned(cluster, chaos)
    await injected(cluster, fault)
    told = [call for call in cluster.calls if call[0] in ("delete_pod", "patch_pod")]
    assert {call[1] for call in told} == {target.name for target in fault.targets} and len(told) == 2


@pytest.mark.parametrize("chaos", CHAOS)
@pytest.mark.parametrize("which", [0, 1])
async def test_one_target_that_is_not_as_planned_spares_all(chaos: str, which: int) -> None:
    cluster = many()
    fault = await planned(cluster, chaos)
    cluster.appear(fault.targets[which].name)
    with pytest.raises(ChaosRefused, match=fault.targets[which].name):
        await injected(cluster, fault)
    assert [call for call in cluster.calls if call[0] in ("delete_pod", "patch_pod")] == []


@pytest.mark.parametrize("chaos", CHAOS)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("answer", [ClusterError(409, "conflict"), ClusterUnreachable("broke off")])
async def test_a_fault_that_hit_one_of_two_counts_as_applied_and_is_undone_whole(
    chaos: str, which: int, answer: ClusterError | ClusterUnreachable
) -> None:
    cluster = RefusesOne(answer)
    fault = await planned(cluster, chaos)
    cluster.about = fault.targets[which].name
    with pytest.raises((SubjectError, ClusterUnreachable)) as raised:
        await injected(cluster, fault)
    assert not isinstance(raised.value, ChaosRefused)
    await cleaned(cluster, fault)
    assert all(PAUSE not in pod.images.values() and not pod.deleting for pod in cluster.pods.values())


async def test_the_sentence_says_which_were_hit_and_which_were_not() -> None:
    cluster = RefusesOne(ClusterError(409, "conflict"))
    fault = await planned(cluster, "node_down")
    cluster.about = fault.targets[1].name
    with pytest.raises(SubjectError, match=f"only {fault.targets[0].name} of {fault.names} could be broken") as raised:
        await injected(cluster, fault)
    assert f"{cluster.about} was left alone: conflict (HTTP 409)" in str(raised.value)


@pytest.mark.parametrize("chaos", CHAOS)
async def test_only_where_every_request_was_refused_nothing_was_applied(chaos: str) -> None:
    cluster = many()
    fault = await planned(cluster, chaos)
    cluster.refusals["delete_pod"] = cluster.refusals["patch_pod"] = ClusterError(403, "forbidden")
    with pytest.raises(ChaosRefused):
        await injected(cluster, fault)
    assert hurt(cluster, fault) == set()


# Seen and undone -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1])
async def test_the_fault_shows_as_soon_as_any_of_its_targets_does(which: int) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_kill")
    as_before = Verdict(cluster.context().now(), True, True, (), {name: pod.uid for name, pod in cluster.pods.items()})
    assert not manifests(fault, as_before)
    name = fault.targets[which].name
    assert manifests(fault, replace(as_before, members={**as_before.members, name: "another"}))
    assert manifests(fault, replace(as_before, healthy=False, problems=(Problem("PodNotReady", "", name),)))


@pytest.mark.parametrize("chaos", CHAOS)
async def test_cleanup_waits_for_all_and_repeats_without_harm(chaos: str) -> None:
    cluster = many()
    fault = await planned(cluster, chaos, 3)
    await injected(cluster, fault)
    await cleaned(cluster, fault)
    assert all(pod.images == {"etcd": IMAGE} and not pod.deleting for pod in cluster.pods.values())
    assert not {target.uid for target in fault.targets} & {pod.uid for pod in cluster.pods.values()}
    done = len(cluster.calls)
    await cleaned(cluster, fault)
    assert {call[0] for call in cluster.calls[done:]} <= {"list_pods"}


# The blast radius ----------------------------------------------------------------------------------------------------


async def blast_radius(subject: Any, chaos: str, **params: Any) -> BlastRadius:
    return await subject.blast_radius(chaos, subject.get_chaos_types()[chaos].params(**params))


@pytest.mark.parametrize("replicas", [3, 5])
async def test_all_of_etcd_votes_together(replicas: int) -> None:
    cluster = FakeCluster()
    assert cluster.workload is not None
    cluster.workload = replace(cluster.workload, replicas=replicas)
    found = await blast_radius(EtcdSubject(cluster.context(), PACE), "node_kill", count=2)
    assert found == BlastRadius(2, replicas, replicas)


async def test_of_tikvs_stores_those_vote_together_that_hold_a_region_once_pd_has_told_how_many() -> None:
    cluster = FakeTikv(pds=3, stores=5)
    subject = tikv_fakes.subject_in(cluster)
    assert await blast_radius(subject, "node_kill", count=2) == BlastRadius(2, 5, 5)
    await subject.reset()
    assert await blast_radius(subject, "node_kill", count=2) == BlastRadius(2, 5, 3)
    assert await blast_radius(subject, "pd_kill", count=2) == BlastRadius(2, 3, 3)
    assert await blast_radius(subject, "pd_leader_kill") == BlastRadius(1, 3, 3)


async def test_of_stores_that_lead_most_so_many_are_meant_as_are_to_be_hit() -> None:
    cluster = FakeTikv()
    one = await tikv_fakes.planned(cluster, "node_kill", leaders="most")
    assert one.targets[0].name == "tikv-0"
    met = {(await tikv_fakes.planned(cluster, "node_kill", s, leaders="most", count=2)).names for s in range(40)}
    assert {name for names in met for name in names.split(", ")} >= {"tikv-0"}
    fault = await tikv_fakes.planned(cluster, "node_kill", leaders="none", count=2)
    assert {target.name for target in fault.targets} == {"tikv-1", "tikv-2"}
    assert fault.targets[1].facts["ledRegions"] == 0
    with pytest.raises(ChaosRefused, match="3 targets are asked for, and there are only tikv-1, tikv-2"):
        await tikv_fakes.planned(cluster, "node_kill", leaders="none", count=3)
