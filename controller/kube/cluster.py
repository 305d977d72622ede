"""Implements the `Cluster` that subjects use, on a real API server."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from controller.kube.api import KubeApi, parsing
from controller.kube.members import Connect, MemberClient, connect
from controller.kube.pods import pod_from_json, watch_pods
from subjects.cluster import Answer, MemberRequest, Pod, PodView, Workload

KIND = re.compile(r"([a-z0-9.-]+/)?v[0-9a-z]+/[a-z0-9]+")


class KubeCluster:
    """Implements `subjects.cluster.Cluster`. The caller owns `api` and closes it.

    `connect` makes the transport to a member inside the cluster; tests inject their own.
    """

    def __init__(self, api: KubeApi, connect: Connect = connect) -> None:
        self._api = api
        self._members = MemberClient(api, connect)

    @property
    def reaches_pods(self) -> bool:
        """Returns whether pods can be reached at their own addresses: only from inside the cluster."""
        return self._api.in_cluster

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        """The pods that match a label selector, by name."""
        listed = await self._api.request("GET", _pods(namespace), query={"labelSelector": selector})
        with parsing("pods"):
            return {pod.name: pod for pod in map(pod_from_json, listed["items"])}

    async def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        """See `Cluster.watch_pods`."""
        async with aclosing(watch_pods(self._api, _pods(namespace), selector)) as views:
            async for view in views:
                yield view

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int) -> None:
        """Delete exactly this pod: the uid is a precondition that the API server checks."""
        body = {"gracePeriodSeconds": grace_seconds, "preconditions": {"uid": uid}}
        await self._api.request("DELETE", _pods(namespace, name), body=body)

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Apply a JSON patch."""
        body = list(operations)
        await self._api.request("PATCH", _pods(namespace, name), body=body, content_type="application/json-patch+json")

    async def get_workload(self, namespace: str, name: str) -> Workload:
        """A StatefulSet."""
        found = await self._api.request("GET", _workloads(namespace, name))
        with parsing("a StatefulSet"):
            return _workload(found)

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        """The StatefulSets that match a label selector, by name."""
        listed = await self._api.request("GET", _workloads(namespace), query={"labelSelector": selector})
        with parsing("StatefulSets"):
            return {workload.name: workload for workload in map(_workload, listed["items"])}

    async def scale_workload(self, namespace: str, name: str, replicas: int) -> None:
        """Set the number of replicas through the `scale` subresource, which takes the fewest permissions."""
        await self._api.request(
            "PATCH",
            f"{_workloads(namespace, name)}/scale",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    async def list_claims(self, namespace: str, selector: str) -> frozenset[str]:
        """The names of the claims that match a label selector."""
        listed = await self._api.request("GET", _claims(namespace), query={"labelSelector": selector})
        with parsing("claims"):
            return frozenset(claim["metadata"]["name"] for claim in listed["items"])

    async def delete_claim(self, namespace: str, name: str) -> None:
        """Delete a claim."""
        await self._api.request("DELETE", f"{_claims(namespace)}/{name}")

    async def get_object(self, namespace: str, kind: str, name: str) -> Mapping[str, Any]:
        """An object of any kind, as JSON."""
        found: Mapping[str, Any] = await self._api.request("GET", _objects(namespace, kind, name))
        return found

    async def list_objects(self, namespace: str, kind: str, selector: str = "") -> Mapping[str, Mapping[str, Any]]:
        """The objects of a kind, as JSON by name."""
        query = {"labelSelector": selector} if selector else None
        listed = await self._api.request("GET", _objects(namespace, kind), query=query)
        with parsing(kind):
            return {each["metadata"]["name"]: each for each in listed["items"]}

    async def patch_object(self, namespace: str, kind: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Apply a JSON patch."""
        path, body = _objects(namespace, kind, name), list(operations)
        await self._api.request("PATCH", path, body=body, content_type="application/json-patch+json")

    async def create_object(self, namespace: str, kind: str, body: Mapping[str, Any]) -> None:
        """Create an object."""
        await self._api.request("POST", _objects(namespace, kind), body=dict(body))

    async def delete_object(self, namespace: str, kind: str, name: str, uid: str) -> None:
        """Delete exactly this object: the uid is a precondition that the API server checks."""
        await self._api.request("DELETE", _objects(namespace, kind, name), body={"preconditions": {"uid": uid}})

    async def read_secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """The decoded values of a Secret."""
        secret = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        with parsing("a Secret"):
            return {key: b64decode(value) for key, value in (secret.get("data") or {}).items()}

    async def ask_member(self, request: MemberRequest) -> Answer:
        """One request to a pod's own port."""
        return await self._members.ask(request)


def _workload(answer: Mapping[str, Any]) -> Workload:
    spec = answer["spec"]
    return Workload(
        name=answer["metadata"]["name"],
        replicas=spec.get("replicas", 1),
        images={container["name"]: container["image"] for container in spec["template"]["spec"]["containers"]},
        claims=tuple(claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", ())),
        service=spec.get("serviceName", ""),
    )


def _workloads(namespace: str, name: str | None = None) -> str:
    collection = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
    return f"{collection}/{name}" if name else collection


def _claims(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"


def _pods(namespace: str, name: str | None = None) -> str:
    collection = f"/api/v1/namespaces/{namespace}/pods"
    return f"{collection}/{name}" if name else collection


def _objects(namespace: str, kind: str, name: str | None = None) -> str:
    """The path of a kind (`v1/services`, `apps/v1/deployments`), or of one of its objects. ValueError for no kind."""
    if not KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is no version/plural or group/version/plural")
    version, _, plural = kind.rpartition("/")
    collection = f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{namespace}/{plural}"
    return f"{collection}/{name}" if name else collection
