"""The `Cluster` that subjects are given, on a real API server."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx

from controller.kube.api import KubeApi
from controller.kube.pods import pod_from_json
from controller.kube.watch import follow_pods
from subjects.cluster import Answer, ClusterUnreachable, MemberUnreachable, Pod, PodView, Tls, Workload


class KubeCluster:
    """Implements `subjects.cluster.Cluster`.

    Members are asked on their pod IP where we run inside the cluster, and through the API server's pod proxy where we
    do not (a laptop has no route to pod IPs).
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        # No keep-alive: a member that was killed must not be judged by a connection that its ghost still holds.
        self._members = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))

    async def close(self) -> None:
        """Close the connections to members; the API connection belongs to whoever made it."""
        await self._members.aclose()

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        """The pods that match a label selector, by name."""
        listed = await self._api.request("GET", _pods(namespace), query={"labelSelector": selector})
        return {pod.name: pod for pod in map(pod_from_json, listed["items"])}

    async def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        """See `Cluster.watch_pods`."""
        async with aclosing(follow_pods(self._api, _pods(namespace), selector)) as views:
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
        return _workload(await self._api.request("GET", _workloads(namespace, name)))

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        """The StatefulSets that match a label selector, by name."""
        listed = await self._api.request("GET", _workloads(namespace), query={"labelSelector": selector})
        return {workload.name: workload for workload in map(_workload, listed["items"])}

    async def scale_workload(self, namespace: str, name: str, replicas: int) -> None:
        """Ask for so many replicas, through the `scale` subresource: no more power than that is needed."""
        await self._api.request(
            "PATCH",
            f"{_workloads(namespace, name)}/scale",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    async def list_claims(self, namespace: str, selector: str) -> frozenset[str]:
        """The names of the claims that match a label selector."""
        listed = await self._api.request("GET", _claims(namespace), query={"labelSelector": selector})
        return frozenset(claim["metadata"]["name"] for claim in listed["items"])

    async def delete_claim(self, namespace: str, name: str) -> None:
        """Delete a claim."""
        await self._api.request("DELETE", f"{_claims(namespace)}/{name}")

    async def read_secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """The decoded values of a Secret."""
        secret = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        return {key: b64decode(value) for key, value in secret.get("data", {}).items()}

    async def ask_member(
        self,
        namespace: str,
        pod: Pod,
        port: int,
        path: str,
        timeout: float,
        body: Any | None = None,
        tls: Tls | None = None,
        method: str | None = None,
    ) -> Answer:
        """One request to a pod's own port."""
        method = method or ("GET" if body is None else "POST")
        if self._api.in_cluster:
            return await self._ask_directly(pod, port, method, path, timeout, body)
        return await self._ask_through_proxy(namespace, pod, port, method, path, timeout, body)

    async def _ask_directly(
        self, pod: Pod, port: int, method: str, path: str, timeout: float, body: Any | None
    ) -> Answer:
        if pod.ip is None:
            raise MemberUnreachable(f"{pod.name} has no address yet")
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        try:
            response = await self._members.request(method, f"http://{host}:{port}{path}", json=body, timeout=timeout)
        except httpx.HTTPError as error:
            raise MemberUnreachable(f"{pod.name}: {error or type(error).__name__}") from error
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code, None)

    async def _ask_through_proxy(
        self, namespace: str, pod: Pod, port: int, method: str, path: str, timeout: float, body: Any | None
    ) -> Answer:
        proxied = f"{_pods(namespace, pod.name)}:{port}/proxy{path}"
        try:
            status, answer = await self._api.exchange(method, proxied, body=body, timeout=timeout)
        except ClusterUnreachable as error:
            raise MemberUnreachable(f"{pod.name}: {error}") from error
        if answer is not None and answer.get("kind") == "Status":  # the proxy speaks, not the member
            raise MemberUnreachable(f"{pod.name}: {answer.get('message', status)}")
        return Answer(status, answer)


def _workload(found: Mapping[str, Any]) -> Workload:
    spec = found["spec"]
    return Workload(
        name=found["metadata"]["name"],
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
