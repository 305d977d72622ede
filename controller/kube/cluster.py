"""The `Cluster` that subjects are given, on a real API server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx

from controller.kube.api import KubeApi
from controller.kube.pods import pod_from_json
from controller.kube.watch import follow_pods
from subjects.cluster import Answer, ClusterUnreachable, MemberUnreachable, Pod, PodView, Workload


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
        found = await self._api.request("GET", f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}")
        containers = found["spec"]["template"]["spec"]["containers"]
        return Workload(
            name=name,
            replicas=found["spec"].get("replicas", 1),
            images={container["name"]: container["image"] for container in containers},
        )

    async def ask_member(
        self, namespace: str, pod: Pod, port: int, path: str, timeout: float, body: Any | None = None
    ) -> Answer:
        """GET, or POST with a JSON body, on a pod's own port."""
        if self._api.in_cluster:
            return await self._ask_directly(pod, port, path, timeout, body)
        return await self._ask_through_proxy(namespace, pod, port, path, timeout, body)

    async def _ask_directly(self, pod: Pod, port: int, path: str, timeout: float, body: Any | None) -> Answer:
        if pod.ip is None:
            raise MemberUnreachable(f"{pod.name} has no address yet")
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        method = "GET" if body is None else "POST"
        try:
            response = await self._members.request(method, f"http://{host}:{port}{path}", json=body, timeout=timeout)
        except httpx.HTTPError as error:
            raise MemberUnreachable(f"{pod.name}: {error or type(error).__name__}") from error
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code, None)

    async def _ask_through_proxy(
        self, namespace: str, pod: Pod, port: int, path: str, timeout: float, body: Any | None
    ) -> Answer:
        method = "GET" if body is None else "POST"
        proxied = f"{_pods(namespace, pod.name)}:{port}/proxy{path}"
        try:
            status, answer = await self._api.exchange(method, proxied, body=body, timeout=timeout)
        except ClusterUnreachable as error:
            raise MemberUnreachable(f"{pod.name}: {error}") from error
        if answer is not None and answer.get("kind") == "Status":  # the proxy speaks, not the member
            raise MemberUnreachable(f"{pod.name}: {answer.get('message', status)}")
        return Answer(status, answer)


def _pods(namespace: str, name: str | None = None) -> str:
    collection = f"/api/v1/namespaces/{namespace}/pods"
    return f"{collection}/{name}" if name else collection
