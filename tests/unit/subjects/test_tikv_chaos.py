"""Applying and undoing TiKV's chaos, in every state a crash can leave."""

import asyncio
from typing import Any

import pytest

from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import ChaosRefused, Fault, SubjectError
from tests.unit.subjects.tikv_fakes import HANG, IMAGES, PAUSE, FakeTikv, planned, subject_in

ALL = ("node_kill", "node_down", "pd_kill", "pd_leader_kill")
KILLS = ("node_kill", "pd_kill", "pd_leader_kill")


async def cleaned(cluster: FakeTikv, fault: Fault) -> None:
    # From the record alone: what was stored, read back by a process that knows nothing else.
    await asyncio.wait_for(subject_in(cluster).cleanup_chaos(Fault.from_json(fault.to_json())), 1)


def changes(cluster: FakeTikv) -> list[str]:
    return [call[0] for call in cluster.calls if call[0] in ("delete_pod", "patch_pod")]


# Inject --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chaos", KILLS)
async def test_a_kill_deletes_exactly_the_planned_pod_with_the_planned_grace(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos, gracePeriodSeconds=7)
    await subject_in(cluster).inject_chaos(fault)
    deleted = [call for call in cluster.calls if call[0] == "delete_pod"]
    assert deleted == [("delete_pod", fault.targets[0].name, fault.targets[0].uid, 7)]


async def test_node_down_swaps_the_image_of_exactly_the_planned_store() -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    swapped = {name for name, pod in cluster.pods.items() if PAUSE in pod.images.values()}
    assert swapped == {fault.targets[0].name}


@pytest.mark.parametrize("chaos", ALL)
@pytest.mark.parametrize("meanwhile", ["gone", "replaced", "going", "swapped"])
async def test_a_target_that_is_not_as_planned_is_refused_and_left_alone(chaos: str, meanwhile: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    match meanwhile:
        case "gone":
            cluster.going.add(f"data-{fault.targets[0].name}")
            cluster.vanish(fault.targets[0].name)
        case "replaced":
            cluster.appear(fault.targets[0].name)
        case "going":
            cluster.change(fault.targets[0].name, deleting=True)
        case "swapped":
            cluster.change(fault.targets[0].name, images={fault.targets[0].name.partition("-")[0]: "other"})
    with pytest.raises(ChaosRefused, match=fault.targets[0].name):
        await subject_in(cluster).inject_chaos(fault)
    assert changes(cluster) == []


@pytest.mark.parametrize("chaos", ALL)
async def test_a_fault_is_not_applied_twice(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    await subject_in(cluster).inject_chaos(fault)
    with pytest.raises(ChaosRefused):
        await subject_in(cluster).inject_chaos(fault)
    assert len(changes(cluster)) == 1


@pytest.mark.parametrize(("chaos", "method"), [("pd_kill", "delete_pod"), ("node_down", "patch_pod")])
@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (ClusterError(403, "forbidden"), ChaosRefused),
        (ClusterError(409, "conflict"), ChaosRefused),
        (ClusterError(500, "internal error"), SubjectError),
        (ClusterUnreachable("broke off"), ClusterUnreachable),
    ],
)
async def test_only_a_clear_no_is_a_refusal_all_else_leaves_open_whether_it_was_applied(
    chaos: str, method: str, answer: ClusterError | ClusterUnreachable, raised: type[Any]
) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    cluster.refusals[method] = answer
    with pytest.raises(raised) as caught:
        await subject_in(cluster).inject_chaos(fault)
    assert type(caught.value) is raised


# Cleanup -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chaos", ALL)
async def test_cleanup_of_a_fault_that_was_never_applied_changes_nothing(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    await cleaned(cluster, fault)
    assert changes(cluster) == []


@pytest.mark.parametrize("chaos", ALL)
async def test_cleanup_after_the_fault_leaves_a_pod_of_the_template_and_repeats_without_harm(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    await subject_in(cluster).inject_chaos(fault)
    await cleaned(cluster, fault)
    pod, role = cluster.pods[fault.targets[0].name], fault.targets[0].name.partition("-")[0]
    assert (pod.uid != fault.targets[0].uid, pod.deleting, pod.images) == (True, False, {role: IMAGES[role]})
    done = changes(cluster)
    await cleaned(cluster, fault)
    assert changes(cluster) == done


async def test_cleanup_of_node_down_deletes_with_the_uid_and_only_once() -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    await cleaned(cluster, fault)
    assert [call for call in cluster.calls if call[0] == "delete_pod"] == [
        ("delete_pod", fault.targets[0].name, fault.targets[0].uid, 1)
    ]


async def test_cleanup_leaves_alone_what_somebody_else_repaired_in_place() -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    cluster.change(fault.targets[0].name, images={"tikv": IMAGES["tikv"]})
    await cleaned(cluster, fault)
    assert changes(cluster) == ["patch_pod"]


@pytest.mark.parametrize("chaos", ALL)
async def test_cleanup_leaves_alone_the_pod_that_came_after_the_fault(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    cluster.appear(fault.targets[0].name)
    await cleaned(cluster, fault)
    assert changes(cluster) == []


@pytest.mark.parametrize("chaos", ALL)
async def test_cleanup_needs_neither_pd_nor_the_stores(chaos: str) -> None:
    cluster = FakeTikv()
    fault = await planned(cluster, chaos)
    await subject_in(cluster).inject_chaos(fault)
    cluster.script["*", "*"] = HANG
    cluster.calls.clear()
    await cleaned(cluster, fault)
    assert {call[0] for call in cluster.calls} <= {"list_pods", "delete_pod"}
    assert {call[1] for call in cluster.calls if call[0] == "list_pods"} == {
        f"app.kubernetes.io/component={fault.targets[0].name.partition('-')[0]}"
    }


@pytest.mark.parametrize("chaos", ALL)
async def test_a_cleanup_that_is_broken_off_anywhere_is_completed_by_the_next(chaos: str) -> None:
    for dies_after in range(1, 6):
        cluster = FakeTikv()
        fault = await planned(cluster, chaos)
        await subject_in(cluster).inject_chaos(fault)
        cluster.calls.clear()
        cluster.dies_after = dies_after
        task = asyncio.create_task(cleaned(cluster, fault))
        await asyncio.gather(task, return_exceptions=True)
        cluster.dies_after = None
        await cleaned(cluster, fault)
        pod = cluster.pods[fault.targets[0].name]
        assert (pod.uid != fault.targets[0].uid, pod.deleting, PAUSE in pod.images.values()) == (True, False, False)
