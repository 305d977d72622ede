"""Planning, applying and undoing, in every state a crash can leave."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.etcd import EtcdSubject
from subjects.etcd.api import EtcdPollSettings
from subjects.protocol import ChaosRefused, EvalSubject, Fault, SubjectContext, SubjectError
from tests.unit.subjects.fakes import IMAGE, PAUSE, FakeCluster

PACE = EtcdPollSettings(period=0.005, timeout=0.03)


def subject_in(cluster: FakeCluster) -> EtcdSubject:
    return EtcdSubject(cluster.context(), PACE)


async def planned(cluster: FakeCluster, chaos: str, seed: int = 1, **params: Any) -> Fault:
    subject = subject_in(cluster)
    return await subject.plan_chaos(chaos, subject.get_chaos_types()[chaos].params(**params), Random(seed))


async def cleaned(cluster: FakeCluster, fault: Fault) -> None:
    # From the record alone: what was stored, read back by a process that knows nothing else.
    await asyncio.wait_for(subject_in(cluster).cleanup_chaos(Fault.from_json(fault.to_json())), 1)


def changes(cluster: FakeCluster) -> list[str]:
    return [call[0] for call in cluster.calls if call[0] in ("delete_pod", "patch_pod")]


def test_etcd_keeps_the_subject_protocol() -> None:
    assert isinstance(subject_in(FakeCluster()), EvalSubject)


def test_chaos_is_offered_without_any_cluster() -> None:
    assert set(subject_in(FakeCluster()).get_chaos_types()) == {"node_kill", "node_down"}


# Parameters ----------------------------------------------------------------------------------------------------------


def test_the_grace_period_is_one_second_unless_told() -> None:
    params = subject_in(FakeCluster()).get_chaos_types()["node_kill"].params
    assert params().model_dump(by_alias=True) == {"count": 1, "gracePeriodSeconds": 1}
    assert params.model_validate({"gracePeriodSeconds": 0}).grace_period_seconds == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["1", -1, 31, True, 1.0, None])
def test_a_grace_period_that_is_no_whole_number_in_range_is_refused_by_name(value: bool | float | str | None) -> None:
    params = subject_in(FakeCluster()).get_chaos_types()["node_kill"].params
    with pytest.raises(ValidationError, match="gracePeriodSeconds"):
        params.model_validate({"gracePeriodSeconds": value})


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
def test_an_unknown_parameter_is_refused(chaos: str) -> None:
    params = subject_in(FakeCluster()).get_chaos_types()[chaos].params
    with pytest.raises(ValidationError, match="Extra inputs"):
        params.model_validate({"gracePeriod": 1})


# Plan ----------------------------------------------------------------------------------------------------------------


async def test_the_same_seed_meets_the_same_member_whatever_the_pods_uids_and_order() -> None:
    first, second = FakeCluster(), FakeCluster()
    second.pods = dict(reversed(second.pods.items()))
    second.pods["etcd-1"] = second.new_pod("etcd-1")
    for seed in range(20):
        assert (await planned(first, "node_kill", seed)).targets[0].name == (
            await planned(second, "node_kill", seed)
        ).targets[0].name


async def test_every_member_is_met_about_as_often() -> None:
    cluster = FakeCluster()
    met = Counter([(await planned(cluster, "node_kill", seed)).targets[0].name for seed in range(300)])
    assert set(met) == {"etcd-0", "etcd-1", "etcd-2"}
    assert min(met.values()) > 70


async def test_a_plan_touches_nothing_and_says_how_to_undo_it() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_down")
    assert fault.targets[0].uid == cluster.pods[fault.targets[0].name].uid
    assert fault.params == {"count": 1}
    kept = {"images": {"etcd": IMAGE}, "image": IMAGE, "containerIndex": 0}
    assert fault.undo == {"pods": {fault.targets[0].name: kept}, "pauseImage": PAUSE}
    assert changes(cluster) == []
    assert Fault.from_json(fault.to_json()) == fault


async def test_a_plan_for_a_member_that_is_away_is_refused_rather_than_moved_to_another() -> None:
    cluster = FakeCluster()
    target = (await planned(cluster, "node_kill")).targets[0].name
    cluster.vanish(target)
    with pytest.raises(ChaosRefused, match=target):
        await planned(cluster, "node_kill")


async def test_node_down_without_a_known_pause_image_is_refused_when_planned() -> None:
    cluster = FakeCluster()
    subject = EtcdSubject(SubjectContext(cluster, "etcd", lambda: datetime.now(UTC)), PACE)  # type: ignore[arg-type]
    with pytest.raises(SubjectError, match="pause image"):
        await subject.plan_chaos("node_down", subject.get_chaos_types()["node_down"].params(), Random(1))


async def test_an_unknown_chaos_is_refused_with_the_names_there_are() -> None:
    params = subject_in(FakeCluster()).get_chaos_types()["node_kill"].params()
    with pytest.raises(SubjectError, match="node_down, node_kill"):
        await subject_in(FakeCluster()).plan_chaos("node_melt", params, Random(1))


# Inject --------------------------------------------------------------------------------------------------------------


async def test_node_kill_deletes_exactly_the_planned_pod_with_the_planned_grace() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_kill", gracePeriodSeconds=0)
    before = datetime.now(UTC)
    sent_at = await subject_in(cluster).inject_chaos(fault)
    assert before <= sent_at <= datetime.now(UTC)
    assert ("delete_pod", fault.targets[0].name, fault.targets[0].uid, 0) in cluster.calls


async def test_node_down_swaps_the_image_behind_two_tests_and_keeps_the_uid() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    ((_, _, operations),) = [call for call in cluster.calls if call[0] == "patch_pod"]
    assert [(operation["op"], operation["path"]) for operation in operations] == [
        ("test", "/metadata/uid"),
        ("test", "/spec/containers/0/image"),
        ("replace", "/spec/containers/0/image"),
    ]
    pod = cluster.pods[fault.targets[0].name]
    assert (pod.uid, pod.images) == (fault.targets[0].uid, {"etcd": PAUSE})


async def test_node_down_finds_its_container_behind_a_sidecar() -> None:
    cluster = FakeCluster()
    for name in cluster.pods:
        cluster.change(name, images={"proxy": "proxy:1", "etcd": IMAGE})
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    assert cluster.pods[fault.targets[0].name].images == {"proxy": "proxy:1", "etcd": PAUSE}


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
@pytest.mark.parametrize("meanwhile", ["gone", "replaced", "going", "swapped"])
async def test_a_target_that_is_not_as_planned_is_refused_and_left_alone(chaos: str, meanwhile: str) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, chaos)
    match meanwhile:
        case "gone":
            cluster.vanish(fault.targets[0].name)
        case "replaced":
            cluster.appear(fault.targets[0].name)
        case "going":
            cluster.change(fault.targets[0].name, deleting=True)
        case "swapped":
            cluster.change(fault.targets[0].name, images={"etcd": "other"})
    with pytest.raises(ChaosRefused, match=fault.targets[0].name):
        await subject_in(cluster).inject_chaos(fault)
    assert changes(cluster) == []


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
async def test_a_fault_is_not_applied_twice(chaos: str) -> None:
    cluster = FakeCluster()
    cluster.replaces_pods = False
    fault = await planned(cluster, chaos)
    await subject_in(cluster).inject_chaos(fault)
    with pytest.raises(ChaosRefused):
        await subject_in(cluster).inject_chaos(fault)
    assert len(changes(cluster)) == 1


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
async def test_a_pod_replaced_between_the_look_and_the_request_is_saved_by_the_uid(
    chaos: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, chaos)
    seen = dict(cluster.pods)
    cluster.appear(fault.targets[0].name)

    async def looked_too_early(namespace: str, selector: str) -> dict[str, Any]:
        return seen

    monkeypatch.setattr(cluster, "list_pods", looked_too_early)
    with pytest.raises(ChaosRefused):
        await subject_in(cluster).inject_chaos(fault)
    assert not cluster.pods[fault.targets[0].name].deleting
    assert cluster.pods[fault.targets[0].name].images == {"etcd": IMAGE}


@pytest.mark.parametrize(("chaos", "method"), [("node_kill", "delete_pod"), ("node_down", "patch_pod")])
@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (ClusterError(403, "forbidden"), ChaosRefused),
        (ClusterError(404, "not found"), ChaosRefused),
        (ClusterError(409, "conflict"), ChaosRefused),
        (ClusterError(422, "test failed"), ChaosRefused),
        (ClusterError(500, "internal error"), SubjectError),
        (ClusterUnreachable("broke off"), ClusterUnreachable),
    ],
)
async def test_only_a_clear_no_is_a_refusal_all_else_leaves_open_whether_it_was_applied(
    chaos: str, method: str, answer: ClusterError | ClusterUnreachable, raised: type[Any]
) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, chaos)
    cluster.refusals[method] = answer
    with pytest.raises(raised) as caught:
        await subject_in(cluster).inject_chaos(fault)
    assert type(caught.value) is raised


# Cleanup -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
async def test_cleanup_of_a_fault_that_was_never_applied_changes_nothing(chaos: str) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, chaos)
    await cleaned(cluster, fault)
    assert changes(cluster) == []


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
async def test_cleanup_after_the_fault_leaves_a_pod_of_the_template_and_repeats_without_harm(chaos: str) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, chaos)
    await subject_in(cluster).inject_chaos(fault)
    await cleaned(cluster, fault)
    pod = cluster.pods[fault.targets[0].name]
    assert (pod.uid != fault.targets[0].uid, pod.deleting, pod.images) == (True, False, {"etcd": IMAGE})
    done = changes(cluster)
    await cleaned(cluster, fault)
    assert changes(cluster) == done


async def test_cleanup_of_node_down_deletes_with_the_uid_and_only_once() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    await cleaned(cluster, fault)
    assert [call for call in cluster.calls if call[0] == "delete_pod"] == [
        ("delete_pod", fault.targets[0].name, fault.targets[0].uid, 1)
    ]


async def test_cleanup_leaves_alone_what_somebody_else_repaired_in_place() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    cluster.change(fault.targets[0].name, images={"etcd": IMAGE})
    await cleaned(cluster, fault)
    assert changes(cluster) == ["patch_pod"]


@pytest.mark.parametrize("chaos", ["node_kill", "node_down"])
async def test_cleanup_leaves_alone_the_pod_that_came_after_the_fault(chaos: str) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, chaos)
    cluster.appear(fault.targets[0].name)
    await cleaned(cluster, fault)
    assert changes(cluster) == []


@pytest.mark.parametrize("state", ["going", "gone"])
async def test_cleanup_waits_until_the_target_is_there_again(state: str) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_kill")
    cluster.change(fault.targets[0].name, deleting=True)
    if state == "gone":
        cluster.vanish(fault.targets[0].name)
    cleaning = asyncio.create_task(cleaned(cluster, fault))
    await asyncio.sleep(0.02)
    assert not cleaning.done()
    cluster.appear(fault.targets[0].name, ready=False)
    await cleaning


@pytest.mark.parametrize("status", [404, 409])
async def test_cleanup_takes_a_target_that_somebody_else_deleted_as_deleted(status: int) -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    cluster.refusals["delete_pod"] = ClusterError(status, "gone")
    cleaning = asyncio.create_task(cleaned(cluster, fault))
    await asyncio.sleep(0.02)
    cluster.appear(fault.targets[0].name)
    await cleaning


async def test_cleanup_says_in_a_sentence_that_it_may_not_delete() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_down")
    await subject_in(cluster).inject_chaos(fault)
    cluster.refusals["delete_pod"] = ClusterError(403, "pods is forbidden")
    with pytest.raises(SubjectError, match="could not be deleted: pods is forbidden"):
        await cleaned(cluster, fault)


async def test_cleanup_lets_an_unreachable_api_server_through() -> None:
    cluster = FakeCluster()
    fault = await planned(cluster, "node_kill")
    cluster.go_away()
    with pytest.raises(ClusterUnreachable):
        await cleaned(cluster, fault)
