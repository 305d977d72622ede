"""An agent's Deployment, and its pods with how they ended.

Who ended a pod decides what its attempt is worth (docs/decisions/046-an-agent-that-others-end-is-lost.md), so the two
are kept apart: `disrupted` says how others ended it, `exits` counts how often its containers ended by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.kube.api import KubeApi

Json = Mapping[str, Any]

OWN_LIMIT = re.compile(r"exceed(s|ed) (the (total )?limit|its local ephemeral storage limit)")
"""The kubelet's message where it evicts a pod that exceeded its own disk limit (kubelet, eviction manager)."""

END_UNKNOWN = ("ContainerStatusUnknown", "Unknown")
"""Reasons of a container whose end the kubelet did not see, because the node was restarted or disconnected."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment. `selector` is complete; others' pods may match it, too. `replicas` is what is asked for.

    `settled`: its controller has seen the newest spec; until then the counts are of an older one. `account` is the
    ServiceAccount of its pods.
    """

    name: str
    uid: str
    selector: str
    replicas: int
    ready: int
    settled: bool
    account: str = "default"


class KubeDeployments:
    """Reads and scales agents' Deployments. The caller owns `api` and closes it."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def get(self, namespace: str, name: str) -> Deployment:
        """The Deployment. Raises ClusterError where there is none, or it may not be read."""
        return deployment_from_json(await self._api.request("GET", _path(namespace, name)))

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Set the number of replicas through the `scale` subresource, which takes the fewest permissions."""
        await self._api.request(
            "PATCH",
            f"{_path(namespace, name)}/scale",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    async def pods(self, namespace: str, deployment: Deployment) -> Sequence[AgentPod]:
        """Returns the pods of the Deployment's ReplicaSets, finished ones too, and no others with its labels."""
        query = {"labelSelector": deployment.selector}
        # The pods first: the ReplicaSet of each is then there to be listed, or gone.
        pods = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/pods", query=query)
        sets = await self._api.request("GET", f"/apis/apps/v1/namespaces/{namespace}/replicasets", query=query)
        return own_pods(deployment, sets["items"], pods["items"])


def deployment_from_json(answer: Mapping[str, Any]) -> Deployment:
    """The Deployment in an answer of the API server. Pure."""
    meta, spec, status = answer["metadata"], answer["spec"], answer.get("status") or {}
    return Deployment(
        name=meta["name"],
        uid=meta["uid"],
        selector=label_selector(spec["selector"]),
        replicas=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        settled=status.get("observedGeneration", 0) >= meta.get("generation", 0),
        account=account_of(answer),
    )


def account_of(deployment: Mapping[str, Any]) -> str:
    """The ServiceAccount of its pods: `default` where none is named. Pure."""
    template = deployment["spec"].get("template") or {}
    return (template.get("spec") or {}).get("serviceAccountName") or "default"


def own_pods(
    deployment: Deployment, replica_sets: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]]
) -> tuple[AgentPod, ...]:
    """The pods that are the Deployment's, by the uids of their owners. Pure."""
    known = {each["metadata"]["uid"] for each in replica_sets}
    own = {each["metadata"]["uid"] for each in replica_sets if controller_of(each).get("uid") == deployment.uid}
    return tuple(agent_pod_from_json(pod) for pod in pods if is_owned_by(pod, deployment.name, own, known))


def _path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


@dataclass(frozen=True, slots=True)
class AgentPod:
    """A pod. `pending_reason`: what holds it up, where it is not Ready. `images` are its containers', by name.

    `finished`: it can never act again. `disrupted`: how others ended it or keep it from working. `exits`: how often its
    containers ended by themselves, and `last_exit` how the last time; `evicted_itself`: it is gone for its own limit.
    """

    name: str
    uid: str
    ready: bool = False
    finished: bool = False
    pending_reason: str = ""
    disrupted: str | None = None
    exits: int = 0
    last_exit: str = ""
    evicted_itself: bool = False
    images: tuple[tuple[str, str], ...] = ()


def label_selector(selector: Json) -> str:
    """A Deployment's selector as the API server takes it in a query: labels and expressions, all of which must hold.

    Unknown operators are left out: `own_pods` filters by owner afterwards.
    """
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or ():
        key, values = each["key"], ",".join(each.get("values") or ())
        match each["operator"]:
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case "DoesNotExist":
                parts.append(f"!{key}")
    return ",".join(parts)


def controller_of(owned: Json) -> Json:
    """The one owner that manages an object; empty without one."""
    owners = owned["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def is_owned_by(pod: Json, deployment: str, replica_sets: Collection[str], known: Collection[str]) -> bool:
    """Returns whether a pod is of this Deployment: by its ReplicaSet, whose uid is among `replica_sets`.

    `known` are the uids of all ReplicaSets that could be asked for. Of one that is gone already, while a pod of it
    still ends, its name shows that: it is made of the Deployment's and the pod template's hash.
    """
    owner = controller_of(pod)
    if owner.get("kind") != "ReplicaSet":
        return False
    if owner["uid"] in known:
        return owner["uid"] in replica_sets
    made_of = (pod["metadata"].get("labels") or {}).get("pod-template-hash")
    return bool(made_of) and owner["name"] == f"{deployment}-{made_of}"


def agent_pod_from_json(pod: Json) -> AgentPod:
    """The pod in an answer of the API server."""
    meta, status = pod["metadata"], pod.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    exits = [_exits(each) for each in _containers(pod)]
    last = _last_exit(pod)
    phase = status.get("phase")
    itself = phase == "Failed" and bool(OWN_LIMIT.search(status.get("message") or ""))
    return AgentPod(
        name=meta["name"],
        uid=meta.get("uid", ""),
        ready=conditions.get("Ready", {}).get("status") == "True" and "deletionTimestamp" not in meta,
        finished=phase in ("Failed", "Succeeded"),
        pending_reason=pending_reason(pod),
        disrupted=None if itself else _disruption(pod, conditions, last),
        exits=sum(exits) + itself,
        last_exit=str(status.get("message", "")) if itself else _describe_exit(last),
        evicted_itself=itself,
        images=tuple(sorted((each["name"], each.get("image", "")) for each in _specs(pod))),
    )


def pending_reason(pod: Json) -> str:
    """Returns what Kubernetes says holds a pod up: the first container that waits or ended, or why it has no node."""
    if "deletionTimestamp" in pod["metadata"]:
        return "it is being deleted"
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        if stuck := state.get("waiting") or state.get("terminated"):
            return f"{container['name']}: {stuck.get('reason', 'waiting')} {stuck.get('message', '')}".strip()
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return str(condition.get("message", "it has no node"))
    return ""


def _disruption(pod: Json, conditions: Mapping[str, Json], last: Json) -> str | None:
    """Returns how others ended the pod, or keep it from working; None where they did not."""
    status = pod.get("status") or {}
    disruption = conditions.get("DisruptionTarget", {})
    if disruption.get("status") == "True":
        return f"{disruption.get('reason', 'DisruptionTarget')}: {disruption.get('message', '')}".rstrip(": ")
    if status.get("phase") in ("Failed", "Unknown") and status.get("reason"):
        return f"{status['reason']}: {status.get('message', '')}".rstrip(": ")
    if status.get("reason") == "NodeLost":
        return "NodeLost: its node does not answer"
    if "deletionTimestamp" in pod["metadata"]:
        return "it was deleted"
    # Only the node controller says that a pod is not Ready whose containers are: its kubelet says nothing any more.
    ready, containers = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    gated = ready.get("reason") == "ReadinessGatesNotReady"
    if ready.get("status") in ("False", "Unknown") and containers.get("status") == "True" and not gated:
        return "its node is not ready"
    terminated = last.get("terminated") or {}
    if terminated.get("reason") in END_UNKNOWN:
        return f"its node lost sight of container {last['name']} ({terminated['reason']})"
    if terminated.get("reason") == "OOMKilled" and not _has_memory_limit(pod, last["name"]):
        return f"container {last['name']}, which has no memory limit, was killed because its node ran out of memory"
    return None


def _has_memory_limit(pod: Json, container: str) -> bool:
    parts = [pod["spec"], *(each for each in _specs(pod) if each["name"] == container)]
    return any("memory" in ((part.get("resources") or {}).get("limits") or {}) for part in parts)


def _specs(pod: Json) -> list[Json]:
    """The containers that run as long as the pod does: sidecars that Kubernetes calls init containers among them."""
    spec = pod.get("spec") or {}
    sidecars = (each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always")
    return [*(spec.get("containers") or ()), *sidecars]


def _containers(pod: Json) -> Iterator[Json]:
    status, running = pod.get("status") or {}, {each["name"] for each in _specs(pod)}
    yield from status.get("containerStatuses") or ()
    yield from (each for each in status.get("initContainerStatuses") or () if each["name"] in running)


def _exits(container: Json) -> int:
    """Returns how often a container ended: `restartCount` counts it only when it was started again."""
    state, before = container.get("state") or {}, container.get("lastState") or {}
    ended = "terminated" in state or ("waiting" in state and "terminated" in before)
    return int(container.get("restartCount", 0)) + ended


def _last_exit(pod: Json) -> Json:
    """The container that ended last, as `name` and `terminated`; empty where none has."""
    ended = []
    for each in _containers(pod):
        state, before = each.get("state") or {}, each.get("lastState") or {}
        if terminated := state.get("terminated") or before.get("terminated"):
            ended.append({"name": each["name"], "terminated": terminated})
    return max(ended, key=lambda each: each["terminated"].get("finishedAt") or "", default={})


def _describe_exit(last: Json) -> str:
    if not last:
        return ""
    terminated = last["terminated"]
    why = f" ({terminated['reason']})" if terminated.get("reason") else ""
    return f"container {last['name']} ended with exit code {terminated.get('exitCode')}{why}"
