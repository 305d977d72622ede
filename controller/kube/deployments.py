"""Deployments, as far as starting, watching and ending an agent is concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.kube.agentpods import AgentPod, belongs, controller_of, label_selector, pod_from_json
from controller.kube.api import KubeApi


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment. `selector` is the whole of it; others' pods may match it, too. `replicas` is what is asked for.

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
    """Holds no connection of its own: `api` belongs to whoever made it."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def get(self, namespace: str, name: str) -> Deployment:
        """The Deployment. Raises ClusterError where there is none, or it may not be read."""
        return deployment_from_json(await self._api.request("GET", _path(namespace, name)))

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Ask for so many replicas, through the `scale` subresource: no more power than that is needed."""
        await self._api.request(
            "PATCH",
            f"{_path(namespace, name)}/scale",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    async def pods(self, namespace: str, deployment: Deployment) -> Sequence[AgentPod]:
        """The Deployment's own pods, ended ones too: those of its ReplicaSets, and no others that bear its labels."""
        query = {"labelSelector": deployment.selector}
        # The pods first: the ReplicaSet of each is then there to be listed, or gone.
        pods = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/pods", query=query)
        sets = await self._api.request("GET", f"/apis/apps/v1/namespaces/{namespace}/replicasets", query=query)
        return own_pods(deployment, sets["items"], pods["items"])


def deployment_from_json(found: Mapping[str, Any]) -> Deployment:
    """The Deployment in an answer of the API server. Pure."""
    meta, spec, status = found["metadata"], found["spec"], found.get("status") or {}
    return Deployment(
        name=meta["name"],
        uid=meta["uid"],
        selector=label_selector(spec["selector"]),
        replicas=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        settled=status.get("observedGeneration", 0) >= meta.get("generation", 0),
        account=account_of(found),
    )


def account_of(found: Mapping[str, Any]) -> str:
    """The ServiceAccount of its pods: `default` where none is named. Pure."""
    template = found["spec"].get("template") or {}
    return (template.get("spec") or {}).get("serviceAccountName") or "default"


def own_pods(
    deployment: Deployment, replica_sets: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]]
) -> tuple[AgentPod, ...]:
    """The pods that are the Deployment's, by the uids of their owners. Pure."""
    known = {each["metadata"]["uid"] for each in replica_sets}
    own = {each["metadata"]["uid"] for each in replica_sets if controller_of(each).get("uid") == deployment.uid}
    return tuple(pod_from_json(pod) for pod in pods if belongs(pod, deployment.name, own, known))


def _path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
