"""Deletes a member's pod. Its StatefulSet creates it again, with the same volume."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from subjects.fault import Json, Target
from subjects.faults.podfault import PodFault
from subjects.faulttype import CountParams, FaultContext, Params
from subjects.permits import InjectPermit


class KillParams(Params):
    """The parameter `gracePeriodSeconds`: the time between SIGTERM and SIGKILL.

    A leader that gets SIGTERM may transfer leadership first, so clients may not notice. The kubelet gives two seconds
    where less is asked for. 0 also removes the pod object at once, before its process is known to have ended.
    """

    grace_period_seconds: int = Field(1, ge=0, le=30)


class CountedKillParams(KillParams, CountParams):
    """The parameters `count` and `gracePeriodSeconds`."""


class PodKill(PodFault):
    """Deletes exactly this pod. Its parameters are `KillParams` or a subclass."""

    heals_itself = True
    reverted_by = "its StatefulSet has made the pod anew"

    def happened(self, target: Target, params: Mapping[str, Json]) -> str:
        """See `FaultType.happened`."""
        return f"the pod of {target.name} was deleted"

    async def send(self, context: FaultContext, permit: InjectPermit, target: Target) -> None:
        """Deletes the pod with its uid as precondition."""
        grace = int(permit.fault.params["gracePeriodSeconds"])
        await context.cluster.delete_pod(permit, context.namespace, target.name, target.uid, grace)
