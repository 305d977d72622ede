"""The agent's own Deployment: scaled afresh for every attempt, and watched through it.

No pod is kept between two attempts, so that no memory links them. Only the Deployment's own pods count: those of its
ReplicaSets, whatever their labels.

An attempt is run again where others ended the agent's pod (eviction, deletion, scaling, loss of the node). It is scored
where the agent ended itself (any exit, its own memory limit, a failing probe). While the API server does not answer,
its state is unknown (docs/decisions/046-an-agent-that-others-end-is-lost.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from controller.kube.deployments import AgentPod, Deployment
from controller.records.locks import workload_key
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.retry import retry_until_reachable

POLL_SECONDS = 0.5
"""The pause between two polls while the Deployment is being scaled."""

WATCH_SECONDS = 1.0
"""The pause between two checks of a running agent. Kubernetes shows what happened to it for longer."""


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


class AgentDeployment:
    """One agent's Deployment. Methods raise ClusterError where the API server refuses.

    While it does not answer, they ask again without end; the caller sets the limit. `on_wait` is told what is waited
    for.
    """

    def __init__(self, deployments: Deployments, namespace: str, name: str) -> None:
        self._deployments = deployments
        self.namespace = namespace
        self._name = name
        self._fresh: AgentPod | None = None

    @property
    def key(self) -> str:
        """The name of its lock in the records."""
        return workload_key(self.namespace, self._name)

    @property
    def title(self) -> str:
        """Its kind, namespace and name, for messages."""
        return f"Deployment {self.namespace}/{self._name}"

    async def check_access(self) -> None:
        """Returns if the Deployment exists, and it and its pods may be read. Raises ClusterError."""
        await self._deployments.pods(self.namespace, await self._deployments.get(self.namespace, self._name))

    async def start(self, on_wait: Callable[[str], None]) -> AgentPod:
        """Returns the one fresh pod, once it is Ready."""
        await self.stop(on_wait)
        await self._until(self._scaled_to(1), on_wait)
        await self._until(self._is_ready, on_wait)
        assert self._fresh is not None, "it is Ready"
        return self._fresh

    async def stop(self, on_wait: Callable[[str], None]) -> None:
        """Scales to none, and returns once no pod is left that could still act."""
        await self._until(self._scaled_to(0), on_wait)
        await self._until(self._is_gone, on_wait)

    async def read(self) -> tuple[Deployment | None, Sequence[AgentPod]]:
        """Returns the Deployment as it is now, None where there is none, and its own pods.

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
        pods = [pod for pod in await self._deployments.pods(self.namespace, found) if not pod.finished]
        if found.settled and found.ready >= 1 and len(pods) == 1 and pods[0].ready:
            self._fresh = pods[0]
            return None
        return f"the agent's pod of {self.title} is not Ready" + _reasons(pods)

    async def _is_gone(self) -> str | None:
        found = await self._deployments.get(self.namespace, self._name)
        # An evicted pod stays listed for hours; it cannot act any more.
        pods = [pod for pod in await self._deployments.pods(self.namespace, found) if not pod.finished]
        if found.settled and not pods:
            return None
        return f"pods of {self.title} are still there" + _reasons(pods)

    async def _until(self, done: Callable[[], Awaitable[str | None]], on_wait: Callable[[str], None]) -> None:
        """Repeats `done` until it returns None; `on_wait` is told what is missing, or that nobody answers."""
        while (missing := await retry_until_reachable(done, on_wait, POLL_SECONDS)) is not None:
            on_wait(missing)
            await asyncio.sleep(POLL_SECONDS)


async def stop_agent(
    deployment: AgentDeployment | None, limit_seconds: float, on_wait: Callable[[str], None]
) -> str | None:
    """Stops the agent, if there is one. Returns why that failed, or None; a failure leaves nothing in the subject."""
    if deployment is None:
        return None
    try:
        async with asyncio.timeout(limit_seconds):
            await deployment.stop(on_wait)
    except TimeoutError:
        return f"{deployment.title} was not gone within {limit_seconds:g} s"
    except ClusterError as error:
        return f"{deployment.title} could not be scaled down: {error}"
    return None


def _reasons(pods: Sequence[AgentPod]) -> str:
    reasons = "; ".join(f"{pod.name}: {pod.pending_reason}" for pod in pods if pod.pending_reason)
    return f" ({reasons})" if reasons else ""


@dataclass(frozen=True, slots=True)
class AgentState:
    """The state of an agent that we scaled to one (`pod`), or to none (`pod` is None). Times are UTC.

    `lost` says how others ended the agent; `exited` how it ended by itself, the first time; `intruder` what ran though
    none should. `seen_at` is when it was last known to be as it should be; `error` says why it is unknown since.
    """

    pod: AgentPod | None
    seen_at: datetime
    lost: str | None = None
    exited: str | None = None
    intruder: str | None = None
    error: str | None = None
    exits: int = 0


def update_state(
    state: AgentState, at: datetime, deployment: Deployment | None, pods: Sequence[AgentPod]
) -> AgentState:
    """Returns the state after one more check, begun at `at`. A lost agent stays lost. Pure."""
    if state.lost is not None:
        return state
    state = replace(state, error=None)
    if state.pod is None:
        return _update_absent(state, at, deployment, pods)
    if deployment is None:
        return replace(state, lost="the Deployment is gone")
    if deployment.replicas != 1:
        return replace(state, lost=f"somebody scaled the Deployment to {deployment.replicas}")
    if state.pod.evicted_itself:  # what came after it is its own doing, too
        return replace(state, seen_at=at)
    pod = next((each for each in pods if each.uid == state.pod.uid), None)
    if pod is None:
        return replace(state, lost=f"pod {state.pod.name} is gone")
    if pod.disrupted is not None:
        return replace(state, lost=f"pod {pod.name}: {pod.disrupted}")
    if pod.images != state.pod.images:
        return replace(state, lost=f"pod {pod.name}: somebody changed its images")
    if not pod.evicted_itself and (others := [each.name for each in pods if each.uid != pod.uid and not each.finished]):
        return replace(state, lost=f"pod {others[0]} runs beside {pod.name}")
    if pod.exits > state.exits:
        state = replace(state, exited=state.exited or pod.last_exit, exits=pod.exits)
    return replace(state, pod=pod, seen_at=at)


def _update_absent(
    state: AgentState, at: datetime, deployment: Deployment | None, pods: Sequence[AgentPod]
) -> AgentState:
    running = [each.name for each in pods if not each.finished]
    if running:
        return replace(state, intruder=state.intruder or f"pod {running[0]} was there")
    if deployment is not None and deployment.replicas:
        return replace(state, intruder=state.intruder or f"somebody scaled the Deployment to {deployment.replicas}")
    return replace(state, seen_at=at)


class AgentWatcher:
    """Watches one agent through one attempt, from when it is Ready. `pod` is None where none should run."""

    def __init__(self, deployment: AgentDeployment, pod: AgentPod | None, now: Callable[[], datetime]) -> None:
        self._deployment = deployment
        self._now = now
        self.state = AgentState(pod, now(), exits=pod.exits if pod is not None else 0)

    async def check(self) -> None:
        """Checks once. An API server that does not answer, or refuses, is `error` and no loss."""
        at = self._now()
        try:
            deployment, pods = await self._deployment.read()
        except ClusterUnreachable as away:
            self.state = replace(self.state, error=str(away))
        except ClusterError as error:
            self.state = replace(self.state, error=f"{self._deployment.title}: {error}")
        else:
            self.state = update_state(self.state, at, deployment, pods)

    async def watch(self) -> None:
        """Checks until cancelled, or until the agent is lost."""
        while self.state.lost is None:
            await self.check()
            await asyncio.sleep(WATCH_SECONDS)
