"""A small Kubernetes with a small etcd in it, in memory: pods that are replaced, members that elect, hang and refuse.

It implements the `Cluster` protocol and acts, as far as the subject can tell, like the real thing; what it answers was
copied from a real etcd 3.6.5. `tests/members` checks the same subject against real members.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonpatch

from subjects.cluster import (
    Answer,
    ClusterError,
    ClusterUnreachable,
    MemberRequest,
    MemberUnreachable,
    Pod,
    PodView,
    Workload,
)
from subjects.guard import GuardedCluster
from subjects.protocol import SubjectContext

IMAGE = "etcd:3.6"
PAUSE = "pause:3.10"
NAMES = ("etcd-0", "etcd-1", "etcd-2")
IDS = {"etcd-0": "3667847885297634959", "etcd-1": "15626540747308570024", "etcd-2": "3177274552835014669"}
HEADER = {"cluster_id": "1704723466179463439", "revision": "7", "raft_term": "2"}

HANG = object()
"""Scripted in place of an answer: none comes."""


class FakeCluster:
    """`pods` are changed by `change`, `vanish` and `appear`, each of which is one watch event."""

    reaches_pods = True

    def __init__(self) -> None:
        self.workload: Workload | None = Workload("etcd", 3, {"etcd": IMAGE})
        self.pods: dict[str, Pod] = {}
        self.leader: str | None = "etcd-0"
        self.away = False
        self.replaces_pods = True
        self.allow_quorum_loss = False
        self.no_consent: str | None = None
        """Why the namespace does not consent."""
        self.script: dict[tuple[str, str], Any] = {}
        """(member or "*", path or "*") to an Answer, an exception or HANG."""
        self.refusals: dict[str, Exception] = {}
        """Name of a method to what it raises."""
        self.calls: list[tuple[Any, ...]] = []
        self._uids = itertools.count(1)
        self._watchers: set[asyncio.Queue[PodView]] = set()
        self._background: set[asyncio.Task[None]] = set()
        for name in NAMES:
            self.pods[name] = self.new_pod(name)

    def context(self, **images: str) -> SubjectContext:
        cluster = GuardedCluster(self, self.refuses, self.allow_quorum_loss)  # type: ignore[arg-type]
        return SubjectContext(cluster, "etcd", lambda: datetime.now(UTC), images or {"pause": PAUSE})

    async def refuses(self) -> str | None:
        return self.no_consent

    # Kubernetes ------------------------------------------------------------------------------------------------------

    def new_pod(self, name: str, ready: bool = True) -> Pod:
        number = next(self._uids)
        return Pod(name, f"uid-{number}", ready, False, f"10.0.0.{number}", {"etcd": IMAGE}, {"etcd": "sha256:1"})

    def change(self, name: str, **fields: Any) -> None:
        self.pods[name] = replace(self.pods[name], **fields)
        self.tell()

    def vanish(self, name: str) -> None:
        del self.pods[name]
        self.tell()

    def appear(self, name: str, ready: bool = True) -> None:
        self.pods[name] = self.new_pod(name, ready)
        self.tell()

    def go_away(self) -> None:
        self.away = True
        self.tell()

    def come_back(self) -> None:
        self.away = False
        self.tell()

    def tell(self) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(self._view())

    def _view(self) -> PodView:
        return PodView(None, "connection refused") if self.away else PodView(dict(self.pods))

    def _guard(self, method: str, *details: Any) -> None:
        self.calls.append((method, *details))
        if self.away:
            raise ClusterUnreachable("connection refused")
        if method in self.refusals:
            raise self.refusals[method]

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        await asyncio.sleep(0)
        self._guard("list_pods", namespace, selector)
        return dict(self.pods)

    async def watch_pods(self, namespace: str, selector: str) -> AsyncIterator[PodView]:
        queue: asyncio.Queue[PodView] = asyncio.Queue()
        queue.put_nowait(self._view())
        self._watchers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)

    async def get_workload(self, namespace: str, name: str) -> Workload:
        await asyncio.sleep(0)
        self._guard("get_workload", namespace, name)
        if self.workload is None:
            raise ClusterError(404, f'statefulsets.apps "{name}" not found')
        return self.workload

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int) -> None:
        await asyncio.sleep(0)
        self._guard("delete_pod", name, uid, grace_seconds)
        if name not in self.pods:
            raise ClusterError(404, f'pods "{name}" not found')
        if self.pods[name].uid != uid:
            raise ClusterError(409, f"the UID in the precondition ({uid}) does not match")
        self.change(name, deleting=True)
        if self.replaces_pods:
            task = asyncio.create_task(self._replace(name))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _replace(self, name: str) -> None:
        await asyncio.sleep(0.005)
        with suppress(KeyError):
            self.vanish(name)
        self.appear(name, ready=False)
        self.change(name, ready=True)

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        await asyncio.sleep(0)
        self._guard("patch_pod", name, operations)
        if name not in self.pods:
            raise ClusterError(404, f'pods "{name}" not found')
        pod = self.pods[name]
        containers = [{"name": container, "image": image} for container, image in pod.images.items()]
        try:
            patched = jsonpatch.apply_patch(
                {"metadata": {"uid": pod.uid}, "spec": {"containers": containers}}, list(operations)
            )
        except jsonpatch.JsonPatchException as error:
            raise ClusterError(422, "the server rejected our request due to an error in our request") from error
        images = {container["name"]: container["image"] for container in patched["spec"]["containers"]}
        self.change(name, images=images, ready=False)

    # etcd ------------------------------------------------------------------------------------------------------------

    def runs(self, name: str) -> bool:
        return name in self.pods and self.pods[name].images["etcd"] == IMAGE

    def _leader_now(self) -> str | None:
        running = [name for name in NAMES if self.runs(name)]
        if len(running) < 2:
            return None
        if self.leader is not None and self.leader not in running:
            self.leader = running[0]
        return self.leader

    async def ask_member(self, request: MemberRequest) -> Answer:
        pod, path, timeout, body = request.pod, request.path, request.timeout, request.body
        self.calls.append(("ask_member", pod.name, path, body))
        await asyncio.sleep(0)
        for key in ((pod.name, path), (pod.name, "*"), ("*", path), ("*", "*")):
            if key in self.script:
                scripted = self.script[key]
                if isinstance(scripted, Exception):
                    raise scripted
                return scripted if isinstance(scripted, Answer) else await self._hang(timeout)
        if not self.runs(pod.name) or self.pods[pod.name].uid != pod.uid:
            raise MemberUnreachable("connection refused")
        return await self._answer(pod.name, path, timeout, body)

    async def _hang(self, timeout: float) -> Answer:
        await asyncio.sleep(timeout)
        raise MemberUnreachable(f"no answer within {timeout:g} s")

    async def _answer(self, name: str, path: str, timeout: float, body: Any) -> Answer:
        leader = self._leader_now()
        if path == "/health":
            if leader is None:
                return Answer(503, {"health": "false", "reason": "RAFT NO LEADER"})
            return Answer(200, {"health": "true", "reason": ""})
        if path == "/v3/maintenance/status":
            return status_of(name, leader)
        if path == "/v3/cluster/member/list":
            return members_of(NAMES)
        if path == "/v3/kv/put":
            return Answer(200, {"header": HEADER}) if leader is not None else await self._hang(timeout)
        if path == "/v3/maintenance/transfer-leadership":
            if name != leader:
                return Answer(400, {"code": 9, "message": "etcdserver: not leader"})
            (self.leader,) = (other for other, member_id in IDS.items() if member_id == body["targetID"])
            return Answer(200, {})
        return Answer(404, None)


def status_of(name: str, leader: str | None, **more: Any) -> Answer:
    """The answer to a status request. As in the real one, a leader there is none of is an absent field."""
    body = {"header": HEADER | {"member_id": IDS[name]}, "version": "3.6.5", "dbSize": "24576", "raftTerm": "2"}
    body |= {"leader": IDS[leader]} if leader is not None else {"errors": ["etcdserver: no leader"]}
    return Answer(200, body | more)


def members_of(names: Sequence[str]) -> Answer:
    """The answer to a member list request."""
    return Answer(200, {"header": HEADER, "members": [{"ID": IDS.get(name, "9"), "name": name} for name in names]})
