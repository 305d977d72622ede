"""What a bare API server lacks for an etcd to live on it: its StatefulSet's controller and a kubelet.

Pods that go are removed and made anew, new ones get an address and become Ready, and one with a foreign image is not
Ready and does not answer. All by a look each PERIOD: there is no hurry that would matter here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from controller.kube import KubeApi
from subjects.cluster import ClusterError
from tests.crash.members import NAMES, Members

PERIOD = 0.05
PATIENCE = 30.0

Pod = Mapping[str, Any]


def image(pod: Pod) -> str:
    """What it is asked to run."""
    return str(pod["spec"]["containers"][0]["image"])


class Keeper:
    """Keeps the three pods of a StatefulSet `etcd` alive. `touched` is what it saw done to them, by verb and uid."""

    def __init__(self, api: KubeApi, namespace: str, members: Members) -> None:
        self.touched: set[tuple[str, str]] = set()
        self.workload: Mapping[str, Any] = {}
        self._api = api
        self._members = members
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._workload = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/etcd"

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Work for as long as the block lasts."""
        self.workload = await self._api.request("GET", self._workload)
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def pods(self) -> dict[str, Pod]:
        """All there are, by name."""
        listed = await self._api.request("GET", self._pods)
        return {pod["metadata"]["name"]: pod for pod in listed["items"]}

    async def trouble(self) -> list[str]:
        """What keeps the three from being as their StatefulSet wants them."""
        pods = await self.pods()
        return [name for name in NAMES if name not in pods or not self.sound(pods[name])]

    async def wait_until_healthy(self) -> None:
        """Return once there is none. TimeoutError where that does not come."""
        async with asyncio.timeout(PATIENCE):
            while await self.trouble():  # noqa: ASYNC110 - the API server tells, not an event of ours
                await asyncio.sleep(PERIOD)

    def sound(self, pod: Pod) -> bool:
        """Whether it stays, is Ready, and runs what it should."""
        conditions = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}
        return self._lives(pod) and conditions.get("Ready") == "True"

    def _lives(self, pod: Pod) -> bool:
        return "deletionTimestamp" not in pod["metadata"] and image(pod) == image(self.workload["spec"]["template"])

    async def _keep(self) -> None:
        while True:
            # Somebody changed the pod between our look and our deed: the next look will see it.
            with suppress(ClusterError):
                for name in NAMES:
                    await self._look_after(name, (await self.pods()).get(name))
            await asyncio.sleep(PERIOD)

    async def _look_after(self, name: str, pod: Pod | None) -> None:
        if pod is None:
            pod = await self._api.request("POST", self._pods, body=self._new(name))
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            self.touched.add(("delete", uid))
            self._silence(pod)
            body = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
            await self._api.request("DELETE", f"{self._pods}/{name}", body=body)
        elif not self._lives(pod):
            self.touched.add(("patch", uid))
            if self._silence(pod):
                await self._report(pod, ready=False)
        elif not self.sound(pod):
            await self._report(pod, ready=True)

    def _silence(self, pod: Pod) -> bool:
        """Whether it spoke until now."""
        name = pod["metadata"]["name"]
        spoke = name in self._members.alive
        self._members.alive.discard(name)
        return spoke

    async def _report(self, pod: Pod, ready: bool) -> None:
        """As a kubelet would."""
        name = pod["metadata"]["name"]
        address = pod["status"].get("podIP") or self._members.new_address()
        if ready:
            self._members.alive.add(name)
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions}
        await self._api.request(
            "PATCH",
            f"{self._pods}/{name}/status",
            body={"metadata": {"uid": pod["metadata"]["uid"]}, "status": status},
            content_type="application/merge-patch+json",
        )

    def _new(self, name: str) -> dict[str, Any]:
        """From the template, scheduled: a pod without a node is deleted at once, whatever its grace."""
        template, meta = self.workload["spec"]["template"], self.workload["metadata"]
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": meta["name"], "uid": meta["uid"]}
        volumes = [{"name": "data", "emptyDir": {}}]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]},
            "spec": {**template["spec"], "nodeName": "nowhere", "volumes": volumes},
        }
