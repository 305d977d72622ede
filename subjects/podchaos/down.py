"""A member's image is swapped for the pause image. It stays down until somebody deletes the pod.

Kubernetes restarts the container in place, with an image that does not hold the member's program, and the StatefulSet
does not mind: the pod is there, and its template was not touched. Nothing heals that by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from subjects.cluster import Pod
from subjects.podchaos.base import PodChaos
from subjects.protocol import ChaosType, Fault, Json, SubjectContext, SubjectError, Target


class PodDown(PodChaos):
    """Swap the image of one container of exactly this pod."""

    def __init__(self, type: ChaosType, container: str) -> None:
        super().__init__(type)
        self.container = container

    def undo(self, context: SubjectContext, target: Pod) -> Mapping[str, Json]:
        """The pause image and the container's place, so that the record says everything that was done."""
        pause = context.images.get("pause")
        if pause is None:
            raise SubjectError(
                f"{self.type.name} needs the node's pause image, and none was found when the cluster was set up"
            )
        if self.container not in target.images:
            raise SubjectError(f"{self.type.name} needs a container named {self.container} in {target.name}")
        return {
            "image": target.images[self.container],
            "pauseImage": pause,
            "containerIndex": list(target.images).index(self.container),
        }

    async def send(self, context: SubjectContext, fault: Fault, target: Target) -> None:
        """One JSON patch, all or nothing: this uid, still this image, then the swap."""
        path = f"/spec/containers/{fault.undo['containerIndex']}/image"
        operations = (
            {"op": "test", "path": "/metadata/uid", "value": target.uid},
            {"op": "test", "path": path, "value": fault.undo["image"]},
            {"op": "replace", "path": path, "value": fault.undo["pauseImage"]},
        )
        await context.cluster.patch_pod(context.namespace, target.name, operations)
