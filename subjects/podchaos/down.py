"""A member's image is swapped for the pause image. It stays down until somebody deletes the pod.

Kubernetes restarts the container in place, with an image that does not hold the member's program, and the StatefulSet
does not mind: the pod is there, and its template was not touched. Nothing heals that by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from subjects.cluster import Pod
from subjects.permits import Inject
from subjects.podchaos.base import PodChaos
from subjects.podchaos.record import PAUSE_IMAGE, swap_of
from subjects.protocol import ChaosType, Json, SubjectContext, SubjectError, Target


class PodDown(PodChaos):
    """Swap the image of one container of exactly this pod."""

    def __init__(self, type: ChaosType, container: str) -> None:
        super().__init__(type)
        self.container = container

    def keep(self, context: SubjectContext) -> Mapping[str, Json]:
        """The pause image."""
        pause = context.images.get("pause")
        if pause is None:
            raise SubjectError(
                f"{self.type.name} needs the node's pause image, and none was found when the cluster was set up"
            )
        return {PAUSE_IMAGE: pause}

    def keep_of(self, target: Pod) -> Mapping[str, Json]:
        """The container's place and the image that it has, so that the record says everything that was done."""
        if self.container not in target.images:
            raise SubjectError(f"{self.type.name} needs a container named {self.container} in {target.name}")
        return {
            "image": target.images[self.container],
            "containerIndex": list(target.images).index(self.container),
        }

    async def send(self, context: SubjectContext, permit: Inject, target: Target) -> None:
        """One JSON patch, all or nothing: this uid, still this image, then the swap."""
        swap = swap_of(permit.fault, target)
        assert swap is not None, "planned by this class"
        path = f"/spec/containers/{swap.index}/image"
        operations = (
            {"op": "test", "path": path, "value": swap.image},
            {"op": "replace", "path": path, "value": swap.pause},
        )
        await context.cluster.patch_pod(permit, context.namespace, target.name, target.uid, operations)
