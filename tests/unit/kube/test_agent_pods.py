"""Whose pods are counted, and who ended them: as the API server says it."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube.deployments import agent_pod_from_json, deployment_from_json, label_selector, own_pods

MEMORY = {"limits": {"memory": "96Mi"}}


def owned(kind: str, name: str, uid: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "uid": uid, "controller": True}]


def pod(
    name: str = "agent-x",
    uid: str = "p",
    owner: tuple[str, ...] | None = ("ReplicaSet", "agent-7d4", "rs"),
    labels: dict[str, str] | None = None,
    resources: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, dict[str, Any]]:
    """A pod that is well, but for `status`."""
    well = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}],
        "containerStatuses": [{"name": "agent", "restartCount": 0, "state": {"running": {}}}],
    }
    meta = {"name": name, "uid": uid, "labels": labels or {}, "ownerReferences": owned(*owner) if owner else []}
    if deleted := status.pop("deleted", None):
        meta["deletionTimestamp"] = deleted
    spec = {"containers": [{"name": "agent", "image": "agent:1", "resources": resources or MEMORY}]}
    return {"metadata": meta, "spec": spec | status.pop("spec", {}), "status": well | status}


def ended(reason: str = "Error", code: int = 1, restarts: int = 0, again: bool = False) -> dict[str, Any]:
    """A container that ended: still down, or running `again`."""
    terminated = {"terminated": {"reason": reason, "exitCode": code, "finishedAt": "2026-01-01T12:00:00Z"}}
    states = {"state": {"running": {}}, "lastState": terminated} if again else {"state": terminated, "lastState": {}}
    return {"containerStatuses": [{"name": "agent", "restartCount": restarts + again, **states}]}


def condition(type_: str, status: str, **more: str) -> dict[str, str]:
    return {"type": type_, "status": status, **more}


# Whose they are ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "query"),
    [
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}, "app in (a,b)"),
        (
            {
                "matchLabels": {"a": "1"},
                "matchExpressions": [
                    {"key": "tier", "operator": "NotIn", "values": ["x"]},
                    {"key": "app", "operator": "Exists"},
                    {"key": "old", "operator": "DoesNotExist"},
                    {"key": "new", "operator": "InAHundredYears"},
                ],
            },
            "a=1,tier notin (x),app,!old",
        ),
        ({"matchLabels": None, "matchExpressions": None}, ""),
    ],
)
def test_the_whole_selector_is_asked_for(selector: dict[str, Any], query: str) -> None:
    assert label_selector(selector) == query


def replica_set(uid: str, owner_uid: str) -> dict[str, dict[str, Any]]:
    return {"metadata": {"name": uid, "uid": uid, "ownerReferences": owned("Deployment", "agent", owner_uid)}}


DEPLOYMENT = deployment_from_json(
    {
        "metadata": {"name": "agent", "uid": "d", "generation": 3},
        "spec": {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "replicas": 1},
        "status": {"observedGeneration": 3, "readyReplicas": 1},
    }
)


def test_a_deployments_own_pods_are_those_of_its_replica_sets_whatever_others_bear_its_labels() -> None:
    sets = [replica_set("rs", "d"), replica_set("older", "d"), replica_set("theirs", "another-d")]
    pods = [
        pod("mine"),
        pod("of-before", owner=("ReplicaSet", "agent-old", "older")),
        pod("neighbour", owner=("ReplicaSet", "other-1", "theirs")),
        pod("bare", owner=None),
        pod("of-a-job", owner=("Job", "agent-7d4", "rs")),
    ]
    assert [each.name for each in own_pods(DEPLOYMENT, sets, pods)] == ["mine", "of-before"]


@pytest.mark.parametrize(("hash_", "mine"), [("7d4", True), ("7d5", False), (None, False)])
def test_the_last_pod_of_a_replica_set_that_is_gone_is_told_by_its_name(hash_: str | None, mine: bool) -> None:
    labels = {"pod-template-hash": hash_} if hash_ else {}
    found = own_pods(DEPLOYMENT, [], [pod(owner=("ReplicaSet", "agent-7d4", "gone"), labels=labels)])
    assert bool(found) is mine


def test_a_replica_set_made_again_under_an_old_name_owns_nothing_of_the_old_ones() -> None:
    labels = {"pod-template-hash": "7d4"}
    found = own_pods(DEPLOYMENT, [replica_set("rs", "another-d")], [pod(labels=labels)])
    assert found == ()


# How they ended ------------------------------------------------------------------------------------------------------

BY_OTHERS = [
    (pod(deleted="2026-01-01T12:00:03Z"), "it was deleted"),
    (
        pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
        "Evicted: The node was low on resource: memory.",
    ),
    (pod(phase="Failed", reason="Preempting", message="Preempted in order to admit critical pod"), "Preempting"),
    (pod(phase="Failed", reason="Terminated", message="Pod was terminated in response to node shutdown"), "Terminated"),
    (pod(phase="Failed", reason="UnexpectedAdmissionError"), "UnexpectedAdmissionError"),
    (pod(reason="NodeLost"), "NodeLost"),
    (
        pod(conditions=[condition("DisruptionTarget", "True", reason="EvictionByEvictionAPI", message="Eviction API")]),
        "EvictionByEvictionAPI: Eviction API",
    ),
    (
        pod(conditions=[condition("DisruptionTarget", "True", reason="PreemptionByScheduler", message="x")]),
        "PreemptionByScheduler: x",
    ),
    (pod(conditions=[condition("Ready", "False"), condition("ContainersReady", "True")]), "its node is not ready"),
    (pod(**ended("ContainerStatusUnknown", 137)), "its node lost sight of container agent"),
    (pod(**ended("Unknown", 255, again=True)), "its node lost sight of container agent"),
    (pod(resources={"limits": {"cpu": "1"}}, **ended("OOMKilled", 137, again=True)), "its node ran out of memory"),
]


@pytest.mark.parametrize(("found", "how"), BY_OTHERS, ids=[how for _, how in BY_OTHERS])
def test_what_others_did_is_told_apart(found: dict[str, dict[str, Any]], how: str) -> None:
    assert how in (agent_pod_from_json(found).disrupted or "")


BY_ITSELF = [
    (ended("Error", 1), 1, "container agent ended with exit code 1 (Error)"),
    (ended("Completed", 0), 1, "exit code 0 (Completed)"),
    (ended("Error", 143, again=True), 1, "exit code 143"),
    (ended("OOMKilled", 137, again=True), 1, "exit code 137 (OOMKilled)"),
    (ended("Error", 1, restarts=2), 3, "exit code 1"),
    (ended("Error", 1, restarts=2, again=True), 3, "exit code 1"),
]


@pytest.mark.parametrize(("status", "exits", "how"), BY_ITSELF)
def test_what_it_did_itself_is_counted(status: dict[str, Any], exits: int, how: str) -> None:
    found = agent_pod_from_json(pod(**status))
    assert found.disrupted is None and found.exits == exits and how in found.last_exit


def test_a_container_that_waits_to_be_started_again_has_ended_once_more_than_it_was_started() -> None:
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 2}}}
    found = agent_pod_from_json(pod(containerStatuses=[{"name": "agent", "restartCount": 0, **waiting}]))
    assert found.exits == 1 and "CrashLoopBackOff" in found.pending_reason


def test_out_of_the_memory_limit_of_its_pod_is_its_own_doing_too() -> None:
    found = pod(resources={"limits": {}}, spec={"resources": MEMORY}, **ended("OOMKilled", 137))
    assert agent_pod_from_json(found).disrupted is None


@pytest.mark.parametrize(
    "message",
    [
        "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
        'Container agent exceeded its local ephemeral storage limit "1Gi". ',
        'Usage of EmptyDir volume "tmp" exceeds the limit "64Mi". ',
    ],
)
def test_an_eviction_for_its_own_disk_limit_is_its_own_doing(message: str) -> None:
    found = agent_pod_from_json(pod(phase="Failed", reason="Evicted", message=message))
    assert found.disrupted is None and found.exits == 1 and found.evicted_itself and found.finished


def test_one_that_is_well_is_well() -> None:
    found = agent_pod_from_json(pod())
    assert (found.disrupted, found.exits, found.pending_reason, found.ready, found.finished) == (
        None,
        0,
        "",
        True,
        False,
    )


def test_one_whose_own_probe_or_gate_says_no_is_not_on_a_lost_node() -> None:
    probe = pod(conditions=[condition("Ready", "False"), condition("ContainersReady", "False")])
    gate = pod(
        conditions=[condition("Ready", "False", reason="ReadinessGatesNotReady"), condition("ContainersReady", "True")]
    )
    assert agent_pod_from_json(probe).disrupted is None and agent_pod_from_json(gate).disrupted is None


def test_a_sidecar_counts_and_a_container_that_only_prepares_does_not() -> None:
    spec = {"initContainers": [{"name": "sidecar", "restartPolicy": "Always"}, {"name": "prepare"}]}
    done = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}, "restartCount": 0}
    statuses = [{"name": "prepare", **done}]
    assert agent_pod_from_json(pod(spec=spec, initContainerStatuses=statuses)).exits == 0
    assert (
        agent_pod_from_json(pod(spec=spec, initContainerStatuses=[*statuses, {"name": "sidecar", **done}])).exits == 1
    )
