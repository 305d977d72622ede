"""`node_down`: a member's image is swapped for the pause image. It stays down until somebody deletes the pod.

Kubernetes restarts the container in place, with an image in which there is no etcd, and the StatefulSet does not mind:
the pod is there, and its template was not touched. Nothing heals that by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from subjects.cluster import Pod
from subjects.etcd.chaos.base import Chaos, Params
from subjects.protocol import ChaosType, Fault, Json, SubjectContext, SubjectError

CONTAINER = "etcd"


class NodeDownParams(Params):
    """None."""


class NodeDown(Chaos):
    """Swap the image of exactly this pod."""

    type = ChaosType("node_down", "a random member stays down until somebody deletes its pod", NodeDownParams)

    def undo(self, context: SubjectContext, target: Pod) -> Mapping[str, Json]:
        """The pause image and the container's place, so that the record says everything that was done."""
        pause = context.images.get("pause")
        if pause is None:
            raise SubjectError("node_down needs the node's pause image, and none was found when the cluster was set up")
        if CONTAINER not in target.images:
            raise SubjectError(f"node_down needs a container named {CONTAINER} in {target.name}")
        return {
            "image": target.images[CONTAINER],
            "pauseImage": pause,
            "containerIndex": list(target.images).index(CONTAINER),
        }

    async def send(self, context: SubjectContext, fault: Fault) -> None:
        """One JSON patch, all or nothing: this uid, still this image, then the swap."""
        path = f"/spec/containers/{fault.undo['containerIndex']}/image"
        operations = (
            {"op": "test", "path": "/metadata/uid", "value": fault.uid},
            {"op": "test", "path": path, "value": fault.undo["image"]},
            {"op": "replace", "path": path, "value": fault.undo["pauseImage"]},
        )
        await context.cluster.patch_pod(context.namespace, fault.target, operations)


NODE_DOWN = NodeDown()
