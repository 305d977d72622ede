"""The agent's own Deployment: a fresh pod for every attempt, and none in between, so that no memory links them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from subjects.cluster import ClusterError, ClusterUnreachable

POLL_SECONDS = 0.5


class Deployment(Protocol):
    """What is asked of a Deployment."""

    @property
    def selector(self) -> str:
        """Its pods, as a label selector."""

    @property
    def ready(self) -> int:
        """How many pods are Ready."""

    @property
    def settled(self) -> bool:
        """Whether the counts are of the newest spec."""


class Deployments(Protocol):
    """The part of Kubernetes that is needed here."""

    async def get(self, namespace: str, name: str) -> Deployment:
        """See `controller.kube.deployments`, as for the others."""
        ...

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """..."""
        ...

    async def pods(self, namespace: str, selector: str) -> Mapping[str, str]:
        """..."""
        ...


class Workload:
    """One agent's Deployment. Methods raise ClusterError where the API server refuses, and never give up by themselves:
    while it is away, they ask again. The caller sets the limit. `say` is told what is waited for.
    """

    def __init__(self, deployments: Deployments, namespace: str, name: str) -> None:
        self._deployments = deployments
        self._namespace = namespace
        self._name = name

    @property
    def title(self) -> str:
        """For people."""
        return f"Deployment {self._namespace}/{self._name}"

    async def require(self) -> None:
        """Return if it is there and may be read."""
        await self._deployments.get(self._namespace, self._name)

    async def start(self, say: Callable[[str], None]) -> None:
        """Return once one fresh pod is Ready."""
        await self.stop(say)
        await self._until(self._scaled_to(1), say)
        await self._until(self._is_ready, say)

    async def stop(self, say: Callable[[str], None]) -> None:
        """Return once there is none, and no pod of it is left that could still act."""
        await self._until(self._scaled_to(0), say)
        await self._until(self._is_gone, say)

    def _scaled_to(self, replicas: int) -> Callable[[], Awaitable[str | None]]:
        async def scale() -> None:
            await self._deployments.scale(self._namespace, self._name, replicas)

        return scale

    async def _is_ready(self) -> str | None:
        found = await self._deployments.get(self._namespace, self._name)
        if found.settled and found.ready >= 1:
            return None
        pods = await self._deployments.pods(self._namespace, found.selector)
        return f"the agent's pod of {self.title} is not Ready" + _in_words(pods)

    async def _is_gone(self) -> str | None:
        found = await self._deployments.get(self._namespace, self._name)
        pods = await self._deployments.pods(self._namespace, found.selector)
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


def _in_words(pods: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{name}: {why}" for name, why in pods.items() if why)
    return f" ({reasons})" if reasons else ""
