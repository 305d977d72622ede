"""A small Kubernetes in memory: StatefulSets whose pods die, are made anew and keep their claims.

It implements the `Cluster` protocol but for what members answer. Time passes by one step with every request, so that
everything takes a few looks and nothing depends on the machine.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsonpatch

from subjects.cluster import ClusterError, Pod, PodView, Workload
from subjects.pods import ordinal

BEING_BORN = 2
DYING = 2
"""In steps."""


class StatefulSets:
    """`workloads` by name; each has one container of that name, pods that bear `selectors`, and claims `data`."""

    reaches_pods = True

    def __init__(self, workloads: Mapping[str, Workload], selectors: Mapping[str, str]) -> None:
        self.workloads = dict(workloads)
        self.pods: dict[str, Pod] = {}
        self.claims: dict[str, Any] = {}
        """What is in each; None while it is empty."""
        self.going: set[str] = set()
        """Claims that were deleted and wait for their pod to go."""
        self.refusals: dict[str, Exception] = {}
        """Name of a method to what it raises."""
        self.calls: list[tuple[Any, ...]] = []
        self.slow: dict[str, int] = {}
        """How many steps longer than others a pod takes to start and to die."""
        self.dies_after: int | None = None
        """The caller is cancelled once it has made so many requests."""
        self.allow_quorum_loss = False
        self.no_consent: str | None = None
        """Why the namespace does not consent."""
        self._selectors = {selector: name for name, selector in selectors.items()}
        self._uids = itertools.count(1)
        self._due: list[tuple[int, Callable[[], object]]] = []
        self._step = 0

    async def refuses(self) -> str | None:
        """What the guard asks."""
        return self.no_consent

    def work(self) -> None:
        """What the programs in the pods do in one step."""

    # Time ------------------------------------------------------------------------------------------------------------

    def later(self, steps: int, what: Callable[[], object]) -> None:
        """Have something happen so many requests from now."""
        self._due.append((self._step + steps, what))

    async def request(self, method: str, *details: Any) -> None:
        """A request comes in, and time passes."""
        self.calls.append((method, *details))
        self._step += 1
        due = [what for step, what in self._due if step <= self._step]
        self._due = [(step, what) for step, what in self._due if step > self._step]
        for what in due:
            what()
        self.keep_workloads()
        self.work()
        await asyncio.sleep(0)
        if method in self.refusals:
            raise self.refusals[method]

    async def answered(self) -> None:
        """What was asked is done; the caller may not live to hear of it."""
        if self.dies_after is not None and len(self.calls) >= self.dies_after:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

    # Pods ------------------------------------------------------------------------------------------------------------

    def keep_workloads(self) -> None:
        """What the StatefulSet controller does, and the protection of claims that are in use."""
        for claim in [claim for claim in self.going if claim.removeprefix("data-") not in self.pods]:
            self.later(DYING, lambda claim=claim: self._forget(claim))  # type: ignore[misc]
        for workload in self.workloads.values():
            for name in [f"{workload.name}-{number}" for number in range(workload.replicas)]:
                if name not in self.pods and f"data-{name}" not in self.going:
                    self.claims.setdefault(f"data-{name}", None)
                    self.appear(name)
            for name in list(self.pods):
                number = ordinal(workload.name, name)
                if number is not None and number >= workload.replicas:
                    self._kill(name)

    def _forget(self, claim: str) -> None:
        if claim in self.going:
            self.going.discard(claim)
            del self.claims[claim]

    def appear(self, name: str) -> None:
        """A new pod of that name, from the template. It becomes Ready later."""
        number, workload = next(self._uids), self.workloads[name.partition("-")[0]]
        uid, images = f"uid-{number}", dict(workload.images)
        self.pods[name] = Pod(name, uid, False, False, f"10.0.0.{number}", images, dict.fromkeys(images, "sha256:1"))
        self.later(BEING_BORN + self.slow.get(name, 0), lambda: self._become_ready(name, uid))

    def _become_ready(self, name: str, uid: str) -> None:
        if name in self.pods and self.pods[name].uid == uid and self.as_template(name):
            self.change(name, ready=True)

    def as_template(self, name: str) -> bool:
        """Whether the pod is there with the images that it should have."""
        workload = self.workloads.get(name.partition("-")[0])
        return workload is not None and name in self.pods and self.pods[name].images.items() >= workload.images.items()

    def runs(self, name: str) -> bool:
        """Whether the pod's program has started."""
        return self.as_template(name) and self.pods[name].ready

    def change(self, name: str, **fields: Any) -> None:
        self.pods[name] = replace(self.pods[name], **fields)

    def vanish(self, name: str) -> None:
        self.pods.pop(name, None)

    def _kill(self, name: str) -> None:
        if not self.pods[name].deleting:
            self.change(name, deleting=True)
            self.later(DYING + self.slow.get(name, 0), lambda: self.vanish(name))

    # Requests --------------------------------------------------------------------------------------------------------

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        await self.request("list_pods", selector)
        await self.answered()
        role = self._selectors[selector]
        return {name: pod for name, pod in self.pods.items() if name.partition("-")[0] == role}

    async def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        yield PodView(await self.list_pods(namespace, selector))
        await asyncio.Event().wait()

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int) -> None:
        await self.request("delete_pod", name, uid, grace_seconds)
        if name not in self.pods:
            raise ClusterError(404, f'pods "{name}" not found')
        if self.pods[name].uid != uid:
            raise ClusterError(409, f"the UID in the precondition ({uid}) does not match")
        self._kill(name)
        await self.answered()

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        await self.request("patch_pod", name, operations)
        if name not in self.pods:
            raise ClusterError(404, f'pods "{name}" not found')
        pod = self.pods[name]
        containers = [{"name": container, "image": image} for container, image in pod.images.items()]
        whole = {"metadata": {"uid": pod.uid}, "spec": {"containers": containers}}
        try:
            patched = jsonpatch.apply_patch(whole, list(operations))["spec"]["containers"]
        except jsonpatch.JsonPatchException as error:
            raise ClusterError(422, "the server rejected our request due to an error in our request") from error
        self.change(name, images={container["name"]: container["image"] for container in patched}, ready=False)
        await self.answered()

    async def get_workload(self, namespace: str, name: str) -> Workload:
        await self.request("get_workload", name)
        return self.workloads[name]

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        await self.request("list_workloads", selector)
        await self.answered()
        return {name: workload for name, workload in self.workloads.items() if name == self._selectors[selector]}

    async def scale_workload(self, namespace: str, name: str, replicas: int) -> None:
        await self.request("scale_workload", name, replicas)
        self.workloads[name] = replace(self.workloads[name], replicas=replicas)
        await self.answered()

    async def list_claims(self, namespace: str, selector: str) -> frozenset[str]:
        await self.request("list_claims", selector)
        await self.answered()
        return frozenset(claim for claim in self.claims if claim.split("-")[1] == self._selectors[selector])

    async def delete_claim(self, namespace: str, name: str) -> None:
        await self.request("delete_claim", name)
        if name not in self.claims:
            raise ClusterError(404, f'persistentvolumeclaims "{name}" not found')
        self.going.add(name)
        await self.answered()

    async def read_secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        raise ClusterError(404, f'secrets "{name}" not found')
