"""A member's pod is deleted. Its StatefulSet makes it anew, with the same volume."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from subjects.fault import Json, Target
from subjects.faults.podfault import PodFault
from subjects.faulttype import CountParams, FaultContext, Params
from subjects.permits import InjectPermit


class KillParams(Params):
    """`gracePeriodSeconds`: the time between the polite signal and the kill.

    A leader that gets the polite signal may hand leadership over first, so clients may not notice. The kubelet gives
    two seconds where less is asked for. 0 also takes the pod object away at once, before its process is known dead.
    """

    grace_period_seconds: int = Field(1, ge=0, le=30)


class CountedKillParams(KillParams, CountParams):
    """Both: how many, and how politely."""


class PodKill(PodFault):
    """Delete exactly this pod. Its parameters are `KillParams` or more."""

    heals_itself = True
    reverted_by = "its StatefulSet has made the pod anew"

    def happened(self, target: Target, params: Mapping[str, Json]) -> str:
        """See `FaultType.happened`."""
        return f"the pod of {target.name} was deleted"

    async def send(self, context: FaultContext, permit: InjectPermit, target: Target) -> None:
        """Delete with the uid as precondition."""
        grace = int(permit.fault.params["gracePeriodSeconds"])
        await context.cluster.delete_pod(permit, context.namespace, target.name, target.uid, grace)
