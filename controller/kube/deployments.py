"""Deployments, as far as starting and ending an agent is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.kube.api import KubeApi


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment. `settled`: its controller has seen the newest spec; until then the counts are of an older one.

    `account` is the ServiceAccount of its pods.
    """

    selector: str
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

    async def pods(self, namespace: str, selector: str) -> Mapping[str, str]:
        """The pods that match, by name, each with why it is not Ready; empty where it is, or nobody says why."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        listed = await self._api.request("GET", path, query={"labelSelector": selector})
        return {pod["metadata"]["name"]: why_not_ready(pod) for pod in listed["items"]}


def deployment_from_json(found: Mapping[str, Any]) -> Deployment:
    """The Deployment in an answer of the API server. Pure."""
    spec, status = found["spec"], found.get("status", {})
    labels = spec["selector"].get("matchLabels", {})
    return Deployment(
        selector=",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        ready=status.get("readyReplicas", 0),
        settled=status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0),
        account=account_of(found),
    )


def account_of(found: Mapping[str, Any]) -> str:
    """The ServiceAccount of its pods: `default` where none is named. Pure."""
    template = found["spec"].get("template") or {}
    return (template.get("spec") or {}).get("serviceAccountName") or "default"


def why_not_ready(pod: Mapping[str, Any]) -> str:
    """What Kubernetes says holds a pod up: the first container that waits or ended, or why it has no node. Pure."""
    if "deletionTimestamp" in pod["metadata"]:
        return "it is being deleted"
    status = pod.get("status", {})
    for container in status.get("containerStatuses", ()):
        state = container.get("state", {})
        if stuck := state.get("waiting") or state.get("terminated"):
            return f"{container['name']}: {stuck.get('reason', 'waiting')} {stuck.get('message', '')}".strip()
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return str(condition.get("message", "it has no node"))
    return ""


def _path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
