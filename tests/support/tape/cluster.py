"""The `Cluster` that a subject is given, on a tape: everything can be watched and asked, and nothing can be changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from subjects.cluster import Answer, ClusterError, MemberRequest, MemberUnreachable, Pod, PodView, Workload
from tests.support.tape.asking import Clock, Sleep, Unanswered, ask
from tests.support.tape.player import Tape
from tests.support.tape.pods import ROLES, workload

COMPONENT = "app.kubernetes.io/component"


class TapeCluster:
    """Implements `subjects.cluster.Cluster`. `now` is the context's clock: the recorded cluster's own time."""

    reaches_pods = True

    def __init__(self, tape: Tape, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._tape = tape
        self._clock = clock
        self._sleep = sleep

    def now(self) -> datetime:
        """See `SubjectContext.now`."""
        return self._tape.instant(self._clock())

    async def list_pods(self, namespace: str, selector: str) -> Mapping[str, Pod]:
        return self._pods(selector, self._clock())

    async def watch_pods(self, namespace: str, selector: str) -> AsyncGenerator[PodView, None]:
        """One view a change, as a real watch has it: a replaced pod first goes and then comes, whatever polls saw."""
        now = self._clock()
        pods = self._pods(selector, now)
        yield PodView(dict(pods))
        for due in (change for change in self._tape.changes() if change > now):
            if due > self._clock():
                await self._sleep(due - self._clock())
            for step in _steps(pods, self._pods(selector, due)):
                yield PodView(step)
            pods = self._pods(selector, due)
        await asyncio.Event().wait()

    async def get_workload(self, namespace: str, name: str) -> Workload:
        if name not in ROLES:
            raise ClusterError(404, f'statefulsets.apps "{name}" not found')
        return workload(name)

    async def list_workloads(self, namespace: str, selector: str) -> Mapping[str, Workload]:
        return {role: workload(role) for role in _roles(selector)}

    async def ask_member(self, request: MemberRequest) -> Answer:
        pod = request.pod
        if request.http_method != "GET":
            _refuse()
        if pod.ip is None:
            raise MemberUnreachable(f"{pod.name} has no address yet")
        try:
            reply = await ask(self._tape, self._clock, self._sleep, pod.ip, request.port, request.path, request.timeout)
        except Unanswered as error:
            raise MemberUnreachable(f"{pod.name}: {error}") from error
        return Answer(reply.status, reply.body)

    async def delete_pod(self, namespace: str, name: str, uid: str, grace_seconds: int) -> None:
        _refuse()

    async def patch_pod(self, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        _refuse()

    async def scale_workload(self, namespace: str, name: str, replicas: int) -> None:
        _refuse()

    async def list_claims(self, namespace: str, selector: str) -> frozenset[str]:
        _refuse()

    async def delete_claim(self, namespace: str, name: str) -> None:
        _refuse()

    async def read_secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        _refuse()

    def _pods(self, selector: str, t: float) -> Mapping[str, Pod]:
        return {name: pod for role in _roles(selector) for name, pod in self._tape.pods(t, role).items()}


def _roles(selector: str) -> tuple[str, ...]:
    """The roles whose pods and StatefulSet bear these labels. No others are known than `COMPONENT`."""
    wanted = {term for term in selector.split(",") if term}
    return tuple(role for role in ROLES if wanted <= {f"{COMPONENT}={role}"})


def _steps(before: Mapping[str, Pod], after: Mapping[str, Pod]) -> list[dict[str, Pod]]:
    now = dict(before)
    steps: list[dict[str, Pod]] = []
    for name, pod in after.items():
        if pod.uid != now[name].uid:
            del now[name]
            steps.append(dict(now))
        if now.get(name) != pod:
            now[name] = pod
            steps.append(dict(now))
    return steps


def _refuse() -> NoReturn:
    raise NotImplementedError("a tape can only be read")
