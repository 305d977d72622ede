"""Deployments as Kubernetes runs them: a ReplicaSet, and a pod that is Ready at once, as long as one is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from tests.emulator.objects import Key, Objects

Json = Any

READY = [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}]
RUNNING = [{"name": "agent", "restartCount": 0, "state": {"running": {}}}]
LABELS = {"app": "agent"}


class Deployments:
    """What the controllers of Kubernetes do in this emulator: `running()` lets them work, `create` is by people."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def create(self, namespace: str, name: str, selector: Json | None = None) -> Key:
        """A Deployment without replicas, and its ReplicaSet."""
        spec = {"replicas": 0, "selector": selector or {"matchLabels": LABELS}}
        made = self._objects.create("deployments", namespace, {"metadata": {"name": name}, "spec": spec})
        owner = {"kind": "Deployment", "name": name, "uid": made["metadata"]["uid"], "controller": True}
        meta = {"name": f"{name}-1", "ownerReferences": [owner], "labels": LABELS}
        self._objects.create("replicasets", namespace, {"metadata": meta})
        return ("deployments", namespace, name)

    def scales(self, key: Key) -> list[int]:
        """Every number of replicas that was ever asked for, in their order, without repetition."""
        seen: list[int] = []
        for change in self._objects.history:
            if change.key == key and seen[-1:] != [change.object["spec"]["replicas"]]:
                seen.append(change.object["spec"]["replicas"])
        return seen

    def pods(self, key: Key) -> list[Json]:
        """The pods of a Deployment."""
        owner = f"{key[2]}-1"
        pods = self._objects.list("pods", key[1])
        return [pod for pod in pods if pod["metadata"]["ownerReferences"][0]["name"] == owner]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have what is asked for, for as long as the block lasts."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            changed = self._objects.changed
            for found in self._objects.list("deployments"):
                self._reconcile(("deployments", found["metadata"]["namespace"], found["metadata"]["name"]), found)
            if changed is self._objects.changed:
                await changed.wait()

    def _reconcile(self, key: Key, found: Json) -> None:
        wanted, pods = found["spec"]["replicas"], self.pods(key)
        for pod in pods[wanted:]:
            self._objects.delete(("pods", key[1], pod["metadata"]["name"]))
        for _ in range(wanted - len(pods)):
            self._start(key)
        status = {"readyReplicas": wanted, "observedGeneration": found["metadata"]["generation"]}
        self._objects.merge(key, {"status": status})

    def _start(self, key: Key) -> None:
        set_ = self._objects.get(("replicasets", key[1], f"{key[2]}-1"))["metadata"]
        owner = {"kind": "ReplicaSet", "name": set_["name"], "uid": set_["uid"], "controller": True}
        meta = {"name": f"{set_['name']}-{uuid4().hex[:5]}", "ownerReferences": [owner], "labels": LABELS}
        status = {"phase": "Running", "conditions": READY, "containerStatuses": RUNNING}
        spec = {"containers": [{"name": "agent", "image": "agent:1"}]}
        self._objects.create("pods", key[1], {"metadata": meta, "spec": spec, "status": status})
