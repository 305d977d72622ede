"""The base of faults that hit members' pods: draws targets, checks them before the fault, recognises them after it.

All guards against breaking the wrong pod are here and in `subjects/guard.py`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from random import Random

from pydantic import BaseModel

from subjects.cluster import ClusterError, Pod
from subjects.errors import ChaosRefused, SubjectError
from subjects.fault import Fault, Json, Target
from subjects.faulttype import Candidates, FaultContext, FaultType, require_applied, target_count
from subjects.permits import InjectPermit, RevertPermit, Voters
from subjects.pods import images_differ

PODS = "pods"
"""Key in `Fault.undo`: what the record keeps of each target, by its name."""

IMAGES = "images"
"""Key for each target: container name to image, as the pod asked for them when the plan was made."""

REVERT_GRACE_SECONDS = 1
"""The grace period for pods that are deleted to revert a fault; they hold no working member."""


def recorded(fault: Fault, target: Target) -> Mapping[str, Json]:
    """Returns what the record keeps of this target. Records of earlier versions keep one entry for all targets."""
    pods = fault.undo.get(PODS)
    return pods.get(target.name, {}) if isinstance(pods, Mapping) else fault.undo


def images_of(fault: Fault, target: Target) -> Mapping[str, str]:
    """Returns the target's images when the plan was made; in an earlier version's record, those of its StatefulSet."""
    images: Mapping[str, str] = recorded(fault, target).get(IMAGES, {})
    return images


def draw(candidates: Candidates, rng: Random, count: int = 1) -> list[Pod]:
    """Draws the targets from the names that should exist, so that the same seed hits the same members.

    The first is drawn as if it were the only one. Raises ChaosRefused where there are fewer names than `count`, or
    where the pod of a target is missing, is being deleted, or differs from when it was last seen healthy: another
    target instead would make it another trial.
    """
    names = candidates.names
    if count > len(names):
        raise ChaosRefused(f"{count} targets are asked for, and there are only {', '.join(names)}")
    first = rng.choice(names)
    others = rng.sample([name for name in names if name != first], count - 1)
    return [_untouched(name, candidates) for name in (first, *others)]


def _untouched(name: str, candidates: Candidates) -> Pod:
    pod = candidates.pods.get(name)
    if pod is None or pod.deleting:
        raise ChaosRefused(f"the target {name} is not there")
    if images_differ(pod, candidates.known_images.get(pod.uid, {})):
        raise ChaosRefused(f"the target {name} does not have the image that it had when it was last seen healthy")
    return pod


class PodFault(FaultType):
    """A fault whose targets are members' pods, each hit by one request. A newly created pod reverts it.

    A type defines that request (`send`), what its record needs beyond the pods' images (`undo`, `revert_data`), and how
    its change is recognised in a pod (`is_applied`), which is always False where the request deletes the pod.
    """

    # What a type defines --------------------------------------------------------------------------------------------

    @abstractmethod
    async def send(self, context: FaultContext, permit: InjectPermit, target: Target) -> None:
        """Sends the one request that applies the permitted fault to one of its targets, guarded by the target's uid.

        Raises what the cluster raises.
        """

    def undo(self, context: FaultContext) -> Mapping[str, Json]:
        """Returns what the record keeps once for all targets. Raises as `plan`."""
        return {}

    def revert_data(self, context: FaultContext, pod: Pod) -> Mapping[str, Json]:
        """Returns what the record keeps of one target beyond its images. Raises as `plan`."""
        return {}

    def is_applied(self, fault: Fault, target: Target, pod: Pod) -> bool:
        """Returns whether the pod of a target's name still has the fault's change. Pure."""
        return False

    # What is the same for all types ----------------------------------------------------------------------------------

    async def plan(self, context: FaultContext, candidates: Candidates, params: BaseModel, rng: Random) -> Fault:
        """See `FaultType.plan`. `rng` draws the targets and nothing else."""
        pods = draw(candidates, rng, target_count(params))
        kept = {pod.name: {IMAGES: dict(pod.images), **self.revert_data(context, pod)} for pod in pods}
        targets = [Target(pod.name, pod.uid, facts=candidates.facts(pod.name)) for pod in pods]
        return self.planned(targets, params, {PODS: kept, **self.undo(context)}, candidates.note)

    async def inject(self, context: FaultContext, fault: Fault, voters: Voters | None) -> datetime:
        """Applies the plan to all targets at once if none has changed; returns when the requests were sent (UTC).

        A pod that is already being deleted accepts a second delete, and the time of that would be wrong. So every
        target is checked before the first request, and the uids guard the time between the check and the requests.
        Raises ChaosRefused only where no request was accepted.
        """
        pods = await context.list_pods()
        for target in fault.targets:
            pod = pods.get(target.name)
            if pod is None or pod.uid != target.uid:
                raise ChaosRefused(f"{target.name} is no longer the pod that the plan was made for")
            if pod.deleting or images_differ(pod, images_of(fault, target)):
                raise ChaosRefused(f"{target.name} has been touched since the plan was made")
        permit = InjectPermit(fault, voters)
        sent_at = context.now()
        requests = (self.send(context, permit, target) for target in fault.targets)
        require_applied(fault, await asyncio.gather(*requests, return_exceptions=True))
        return sent_at

    async def is_reverted(self, context: FaultContext, fault: Fault) -> bool:
        """Returns whether each target's name has a pod that is not being deleted and has no change of the fault.

        A pod with another uid was created again by its StatefulSet and has nothing of the fault, whatever its image. In
        one with the old uid, the fault was either never applied, which counts as reverted, or it is still there.
        """
        pods = await context.list_pods()
        return all(
            (pod := pods.get(target.name)) is not None and not pod.deleting and not self.is_applied(fault, target, pod)
            for target in fault.targets
        )

    async def revert(self, context: FaultContext, fault: Fault) -> None:
        """Deletes the pods that still have the fault's change, so that their StatefulSet creates them again."""
        pods = await context.list_pods()
        permit = RevertPermit(fault, context.selector, lambda target, pod: self.is_applied(fault, target, pod))
        for target in fault.targets:
            pod = pods.get(target.name)
            if pod is not None and not pod.deleting and self.is_applied(fault, target, pod):
                await self._delete(context, permit, target)

    async def _delete(self, context: FaultContext, permit: RevertPermit, target: Target) -> None:
        """Deletes exactly this pod. It is no error if the pod is gone already."""
        try:
            await context.cluster.delete_pod(permit, context.namespace, target.name, target.uid, REVERT_GRACE_SECONDS)
        except ClusterError as error:
            if error.status not in (404, 409):
                raise SubjectError(f"{target.name} could not be deleted: {error}") from error
