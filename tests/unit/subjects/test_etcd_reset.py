"""Being there, the known state, and the state worth keeping."""

import asyncio
import json
from typing import Any

import pytest

from subjects.cluster import Answer, ClusterError, ClusterUnreachable, Workload
from subjects.etcd import EtcdSubject
from subjects.etcd.api import EtcdPollSettings, read_status
from subjects.etcd.reset import agreed_leader, locked_out
from subjects.protocol import SubjectNotReady
from subjects.watching.polling import QueryResult
from tests.support.waiting import eventually
from tests.unit.subjects.fakes import HANG, IDS, IMAGE, NAMES, FakeCluster, status_of

PACE = EtcdPollSettings(period=0.005, timeout=0.03)


def subject_in(cluster: FakeCluster) -> EtcdSubject:
    return EtcdSubject(cluster.context(), PACE)


async def reset(cluster: FakeCluster) -> None:
    await asyncio.wait_for(subject_in(cluster).reset(), 1)


def calls(cluster: FakeCluster, method: str) -> list[tuple[object, ...]]:
    return [call for call in cluster.calls if call[0] == method]


def transfers(cluster: FakeCluster) -> list[tuple[object, ...]]:
    return [call for call in calls(cluster, "ask_member") if "transfer" in str(call[2])]


# Being there ---------------------------------------------------------------------------------------------------------


async def test_three_members_with_their_pods_are_ready_to_be_a_subject() -> None:
    await subject_in(FakeCluster()).check_ready()


async def test_without_a_statefulset_the_subject_is_not_ready() -> None:
    cluster = FakeCluster()
    cluster.workload = None
    with pytest.raises(SubjectNotReady, match="there is no StatefulSet etcd in namespace etcd"):
        await subject_in(cluster).check_ready()


async def test_with_too_few_members_the_subject_is_not_ready() -> None:
    cluster = FakeCluster()
    cluster.workload = Workload("etcd", 1, {"etcd": IMAGE})
    with pytest.raises(SubjectNotReady, match="has 1 replicas; at least 3"):
        await subject_in(cluster).check_ready()


async def test_before_every_member_has_a_pod_the_subject_is_not_ready() -> None:
    cluster = FakeCluster()
    cluster.vanish("etcd-1")
    with pytest.raises(SubjectNotReady, match="no pod yet for etcd-1"):
        await subject_in(cluster).check_ready()


async def test_without_the_power_to_read_it_the_subject_is_not_ready() -> None:
    cluster = FakeCluster()
    cluster.refusals["get_workload"] = ClusterError(403, "statefulsets.apps is forbidden")
    with pytest.raises(SubjectNotReady, match="is forbidden"):
        await subject_in(cluster).check_ready()


async def test_an_unreachable_api_server_is_not_mistaken_for_a_missing_subject() -> None:
    cluster = FakeCluster()
    cluster.go_away()
    with pytest.raises(ClusterUnreachable):
        await subject_in(cluster).check_ready()


# The known state -----------------------------------------------------------------------------------------------------


async def test_reset_of_a_subject_in_its_known_state_changes_nothing() -> None:
    cluster = FakeCluster()
    await reset(cluster)
    assert transfers(cluster) == calls(cluster, "delete_pod") == []


async def test_reset_moves_leadership_to_the_first_member_by_asking_the_leader() -> None:
    cluster = FakeCluster()
    cluster.leader = "etcd-2"
    await reset(cluster)
    assert cluster.leader == "etcd-0"
    assert [(call[1], call[3]) for call in transfers(cluster)] == [("etcd-2", {"targetID": IDS["etcd-0"]})]


async def test_reset_leaves_pods_alone_whose_image_is_not_their_statefulsets() -> None:
    cluster = FakeCluster()
    cluster.workload = Workload("etcd", 3, {"etcd": "etcd:from-another-registry"})
    await reset(cluster)
    assert calls(cluster, "delete_pod") == []


@pytest.mark.parametrize("state", ["missing", "going"])
async def test_reset_waits_for_a_member_that_is_not_there_to_stay_and_says_which(state: str) -> None:
    cluster, said = FakeCluster(), []  # type: ignore[var-annotated]
    if state == "missing":
        cluster.vanish("etcd-2")
    else:
        cluster.change("etcd-2", deleting=True)
    resetting = asyncio.create_task(subject_in(cluster).reset(said.append))
    await eventually(lambda: len(said) > 1)
    assert not resetting.done()
    assert set(said) == {"etcd-2 has no pod" if state == "missing" else "etcd-2 is being deleted"}
    cluster.appear("etcd-2")
    await asyncio.wait_for(resetting, 60)


async def test_reset_says_whose_answer_it_waits_for() -> None:
    cluster, said = FakeCluster(), []  # type: ignore[var-annotated]
    cluster.script["etcd-1", "*"] = HANG
    resetting = asyncio.create_task(subject_in(cluster).reset(said.append))
    await eventually(lambda: said)
    cluster.script.clear()
    await asyncio.wait_for(resetting, 60)
    assert said[0].startswith("no answer yet to the question who leads, of etcd-1 (") and "etcd-0" not in said[0]


async def test_reset_waits_for_a_leader_and_for_every_members_word() -> None:
    cluster = FakeCluster()
    cluster.leader = None
    cluster.script["etcd-2", "*"] = HANG
    resetting = asyncio.create_task(reset(cluster))
    await asyncio.sleep(0.02)
    cluster.leader = "etcd-1"
    await asyncio.sleep(0.04)
    assert not resetting.done()
    cluster.script.clear()
    await resetting
    assert cluster.leader == "etcd-0"


async def test_reset_reads_the_statefulset_anew() -> None:
    cluster = FakeCluster()
    subject = subject_in(cluster)
    await subject.reset()
    await subject.reset()
    assert len(calls(cluster, "get_workload")) == 2


@pytest.mark.parametrize(
    ("leaders", "agreed"),
    [
        (("etcd-1", "etcd-1", "etcd-1"), "etcd-1"),
        (("etcd-1", "etcd-1", "etcd-0"), None),
        (("etcd-1", "etcd-1", None), None),
        ((None, None, None), None),
    ],
)
def test_a_leader_is_one_that_every_member_names(leaders: tuple[Any, ...], agreed: str | None) -> None:
    statuses = {name: read_status(status_of(name, leader)) for name, leader in zip(NAMES, leaders, strict=True)}
    assert agreed_leader(statuses) == agreed


# The state worth keeping ---------------------------------------------------------------------------------------------


async def test_the_state_says_where_the_leader_is_and_which_image_runs() -> None:
    cluster = FakeCluster()
    cluster.leader = "etcd-1"
    state = await subject_in(cluster).capture_state()
    assert state["leader"] == "etcd-1"
    assert state["oracle"] == "etcd/2"
    assert state["pods"]["etcd-0"]["uid"] == cluster.pods["etcd-0"].uid
    assert state["pods"]["etcd-0"]["imageIds"] == {"etcd": "sha256:1"}
    assert state["members"]["etcd-0"] == {
        "healthy": True,
        "id": IDS["etcd-0"],
        "leader": IDS["etcd-1"],
        "version": "3.6.5",
        "raftTerm": "2",
        "dbSize": "24576",
        "errors": [],
        "lists": ["etcd-0", "etcd-1", "etcd-2"],
    }
    assert json.loads(json.dumps(state)) == state


async def test_a_member_that_does_not_answer_is_part_of_the_state() -> None:
    cluster = FakeCluster()
    cluster.script["etcd-1", "*"] = HANG
    cluster.change("etcd-2", ip=None, ready=False)
    state = await subject_in(cluster).capture_state()
    assert state["members"]["etcd-1"] == {"error": "no answer within 0.03 s"}
    assert state["members"]["etcd-2"] == {"error": "the pod has no address"}
    assert state["leader"] == "etcd-0"


async def test_a_state_without_an_agreed_leader_names_none() -> None:
    cluster = FakeCluster()
    cluster.script["etcd-1", "/v3/maintenance/status"] = status_of("etcd-1", "etcd-2")
    assert (await subject_in(cluster).capture_state())["leader"] is None


async def test_capturing_changes_nothing_in_etcd() -> None:
    cluster = FakeCluster()
    await subject_in(cluster).capture_state()
    assert not any("put" in str(call[2]) for call in calls(cluster, "ask_member"))


def test_only_where_every_member_refuses_alike_nobody_is_waited_for() -> None:
    refused = QueryResult(0.0, Answer(400, {"message": "etcdserver: user name is empty"}))
    ready, silent = QueryResult(0.0, Answer(200, {})), QueryResult(0.0, None, "no answer within 1 s")
    assert "user name is empty" in (locked_out(dict.fromkeys(NAMES, refused)) or "")
    for other in (ready, silent, QueryResult(0.0, Answer(503, {"message": "etcdserver: no leader"}))):
        assert locked_out({**dict.fromkeys(NAMES, refused), "etcd-1": other}) is None
    assert locked_out({}) is None
