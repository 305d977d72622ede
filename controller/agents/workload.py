"""The agent's own Deployment: a fresh pod for every attempt, and none in between, so that no memory links them.

Its own pods are counted, and no others: those whose ReplicaSet is the Deployment's, whatever labels they bear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from controller.kube.agentpods import AgentPod
from controller.kube.deployments import Deployment
from controller.records.locks import workload_key
from subjects.cluster import ClusterError, ClusterUnreachable

POLL_SECONDS = 0.5


class Deployments(Protocol):
    """The part of Kubernetes that is needed here."""

    async def get(self, namespace: str, name: str) -> Deployment:
        """See `controller.kube.deployments`, as for the others."""
        ...

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """..."""
        ...

    async def pods(self, namespace: str, deployment: Deployment) -> Sequence[AgentPod]:
        """..."""
        ...


class Workload:
    """One agent's Deployment. Methods raise ClusterError where the API server refuses, and never give up by themselves:
    while it is away, they ask again. The caller sets the limit. `say` is told what is waited for.
    """

    def __init__(self, deployments: Deployments, namespace: str, name: str) -> None:
        self._deployments = deployments
        self.namespace = namespace
        self._name = name
        self._fresh: AgentPod | None = None

    @property
    def key(self) -> str:
        """What its lock is called in the records."""
        return workload_key(self.namespace, self._name)

    @property
    def title(self) -> str:
        """For people."""
        return f"Deployment {self.namespace}/{self._name}"

    async def require(self) -> None:
        """Return if it is there, and it and its pods may be read."""
        await self._deployments.pods(self.namespace, await self._deployments.get(self.namespace, self._name))

    async def start(self, say: Callable[[str], None]) -> AgentPod:
        """Return the one fresh pod, once it is Ready."""
        await self.stop(say)
        await self._until(self._scaled_to(1), say)
        await self._until(self._is_ready, say)
        assert self._fresh is not None, "it is Ready"
        return self._fresh

    async def stop(self, say: Callable[[str], None]) -> None:
        """Return once there is none, and no pod of it is left that could still act."""
        await self._until(self._scaled_to(0), say)
        await self._until(self._is_gone, say)

    async def look(self) -> tuple[Deployment | None, Sequence[AgentPod]]:
        """The Deployment as it is now, None where there is none, and its own pods; once.

        Raises ClusterError and ClusterUnreachable.
        """
        try:
            found = await self._deployments.get(self.namespace, self._name)
        except ClusterError as error:
            if error.status != 404:
                raise
            return None, ()
        return found, await self._deployments.pods(self.namespace, found)

    def _scaled_to(self, replicas: int) -> Callable[[], Awaitable[str | None]]:
        async def scale() -> None:
            await self._deployments.scale(self.namespace, self._name, replicas)

        return scale

    async def _is_ready(self) -> str | None:
        found = await self._deployments.get(self.namespace, self._name)
        pods = [pod for pod in await self._deployments.pods(self.namespace, found) if not pod.over]
        if found.settled and found.ready >= 1 and len(pods) == 1 and pods[0].ready:
            self._fresh = pods[0]
            return None
        return f"the agent's pod of {self.title} is not Ready" + _in_words(pods)

    async def _is_gone(self) -> str | None:
        found = await self._deployments.get(self.namespace, self._name)
        # What was evicted stays to be looked at, for hours: it cannot act any more.
        pods = [pod for pod in await self._deployments.pods(self.namespace, found) if not pod.over]
        if found.settled and not pods:
            return None
        return f"pods of {self.title} are still there" + _in_words(pods)

    async def _until(self, done: Callable[[], Awaitable[str | None]], say: Callable[[str], None]) -> None:
        """Ask until nothing is missing any more; what is, or that nobody answers, is said."""
        while True:
            try:
                missing = await done()
            except ClusterUnreachable as away:
                missing = str(away)
            if missing is None:
                return
            say(missing)
            await asyncio.sleep(POLL_SECONDS)


async def send_away(workload: Workload | None, limit_seconds: float, say: Callable[[str], None]) -> str | None:
    """No agent any more, if there is one. Returns why not, if so: that is nothing of ours in the subject."""
    if workload is None:
        return None
    try:
        async with asyncio.timeout(limit_seconds):
            await workload.stop(say)
    except TimeoutError:
        return f"{workload.title} was not gone within {limit_seconds:g} s"
    except ClusterError as error:
        return f"{workload.title} could not be scaled down: {error}"
    return None


def _in_words(pods: Sequence[AgentPod]) -> str:
    reasons = "; ".join(f"{pod.name}: {pod.why}" for pod in pods if pod.why)
    return f" ({reasons})" if reasons else ""
