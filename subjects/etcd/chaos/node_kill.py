"""`node_kill`: a member's pod is deleted. Its StatefulSet makes it anew, with the same volume."""

from __future__ import annotations

from pydantic import Field

from subjects.etcd.chaos.base import Chaos, Params
from subjects.protocol import ChaosType, Fault, SubjectContext


class NodeKillParams(Params):
    """`gracePeriodSeconds`: the time between the polite signal and the kill.

    A leader that hears the polite signal hands leadership over first, so clients may not notice. The kubelet gives two
    seconds where less is asked for. 0 also takes the pod object away at once, before its process is known to be dead.
    """

    grace_period_seconds: int = Field(1, ge=0, le=30)


class NodeKill(Chaos):
    """Delete exactly this pod."""

    type = ChaosType("node_kill", "a random member's pod is deleted; Kubernetes makes a new one", NodeKillParams)

    async def send(self, context: SubjectContext, fault: Fault) -> None:
        """Delete with the uid as precondition."""
        grace = int(fault.params["gracePeriodSeconds"])
        await context.cluster.delete_pod(context.namespace, fault.target, fault.uid, grace)


NODE_KILL = NodeKill()
