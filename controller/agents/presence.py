"""Whether the agent was there throughout an attempt, and if not, who ended it: others, or it itself.

What others did to it (evicted, deleted, scaled, its node lost) says nothing about the agent: its attempt is run again.
What it did itself (any exit, out of its own memory, a failing probe) is its own performance and is scored. While the
API server does not answer, nobody knows, and that is neither (docs/decisions/046-an-agent-that-others-end-is-lost.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from controller.agents.workload import Workload
from controller.kube.agentpods import AgentPod
from controller.kube.deployments import Deployment
from subjects.cluster import ClusterError, ClusterUnreachable

LOOK_SECONDS = 1.0
"""How often the agent's Deployment and pod are looked at. What happened to them stays to be seen for longer."""


@dataclass(frozen=True, slots=True)
class Attended:
    """What was seen so far of a Deployment that we scaled to one (`pod`), or to none (`pod` is None). Times are UTC.

    `lost`: others ended the agent, and how. `exited`: it ended by itself, and how the first time. `intruder`: there
    should be none, and there was one. `seen_at`: it was known to be as it should be then; `trouble`: why it is not
    known since.
    """

    pod: AgentPod | None
    seen_at: datetime
    lost: str | None = None
    exited: str | None = None
    intruder: str | None = None
    trouble: str | None = None
    exits: int = 0


def judge(so_far: Attended, at: datetime, deployment: Deployment | None, pods: Sequence[AgentPod]) -> Attended:
    """One more look, begun at `at`. `deployment` is None where there is none any more. What is lost stays so. Pure."""
    if so_far.lost is not None:
        return so_far
    so_far = replace(so_far, trouble=None)
    if so_far.pod is None:
        return _judge_absence(so_far, at, deployment, pods)
    if deployment is None:
        return replace(so_far, lost="the Deployment is gone")
    if deployment.replicas != 1:
        return replace(so_far, lost=f"somebody scaled the Deployment to {deployment.replicas}")
    if so_far.pod.evicted_itself:  # what came after it is its own doing, too
        return replace(so_far, seen_at=at)
    pod = next((each for each in pods if each.uid == so_far.pod.uid), None)
    if pod is None:
        return replace(so_far, lost=f"pod {so_far.pod.name} is gone")
    if pod.taken is not None:
        return replace(so_far, lost=f"pod {pod.name}: {pod.taken}")
    if pod.images != so_far.pod.images:
        return replace(so_far, lost=f"pod {pod.name}: somebody changed its images")
    if not pod.evicted_itself and (others := [each.name for each in pods if each.uid != pod.uid and not each.over]):
        return replace(so_far, lost=f"pod {others[0]} runs beside {pod.name}")
    if pod.exits > so_far.exits:
        so_far = replace(so_far, exited=so_far.exited or pod.last_exit, exits=pod.exits)
    return replace(so_far, pod=pod, seen_at=at)


def _judge_absence(so_far: Attended, at: datetime, deployment: Deployment | None, pods: Sequence[AgentPod]) -> Attended:
    there = [each.name for each in pods if not each.over]
    if there:
        return replace(so_far, intruder=so_far.intruder or f"pod {there[0]} was there")
    if deployment is not None and deployment.replicas:
        return replace(so_far, intruder=so_far.intruder or f"somebody scaled the Deployment to {deployment.replicas}")
    return replace(so_far, seen_at=at)


class Presence:
    """One agent, watched through one attempt: from when it is Ready. `pod` is None where it is to stay away."""

    def __init__(self, workload: Workload, pod: AgentPod | None, now: Callable[[], datetime]) -> None:
        self._workload = workload
        self._now = now
        self.attended = Attended(pod, now(), exits=pod.exits if pod is not None else 0)

    async def look(self) -> None:
        """Look once. Where nobody answers, or not what was asked, nothing is known: that is no loss."""
        at = self._now()
        try:
            deployment, pods = await self._workload.look()
        except ClusterUnreachable as away:
            self.attended = replace(self.attended, trouble=str(away))
        except ClusterError as error:
            self.attended = replace(self.attended, trouble=f"{self._workload.title}: {error}")
        else:
            self.attended = judge(self.attended, at, deployment, pods)

    async def watch(self) -> None:
        """Look until cancelled, or until it is lost."""
        while self.attended.lost is None:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)
