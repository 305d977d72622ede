"""A member's image is swapped for the pause image. It stays down until somebody deletes the pod.

Kubernetes restarts the container in place, with an image that does not hold the member's program, and the StatefulSet
does not mind: the pod is there, and its template was not touched. Nothing heals that by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from subjects.cluster import Pod
from subjects.errors import SubjectError
from subjects.fault import Fault, Json, Target
from subjects.faults.podfault import PodFault, recorded
from subjects.faulttype import FaultContext
from subjects.permits import InjectPermit

PAUSE_IMAGE = "pauseImage"
"""Key in `Fault.undo`: the image that is put in place of a member's."""


@dataclass(frozen=True, slots=True)
class ImageSwap:
    """One container's image, by the container's place in the pod, and what is put there instead."""

    index: int
    image: str
    pause: str


class PodDown(PodFault):
    """Swap the image of the member's container in exactly this pod."""

    heals_itself = False
    reverted_by = "somebody deletes its pod"

    def happened(self, target: Target, params: Mapping[str, Json]) -> str:
        """See `FaultType.happened`."""
        return f"{target.name} was put down, to stay down until {self.reverted_by}"

    def undo(self, context: FaultContext) -> Mapping[str, Json]:
        """The pause image."""
        pause = context.images.get("pause")
        if pause is None:
            raise SubjectError(
                f"{self.name} needs the node's pause image, and none was found when the cluster was set up"
            )
        return {PAUSE_IMAGE: pause}

    def revert_data(self, context: FaultContext, pod: Pod) -> Mapping[str, Json]:
        """The container's place and the image that it has, so that the record says everything that was done."""
        if context.container not in pod.images:
            raise SubjectError(f"{self.name} needs a container named {context.container} in {pod.name}")
        return {
            "image": pod.images[context.container],
            "containerIndex": list(pod.images).index(context.container),
        }

    async def send(self, context: FaultContext, permit: InjectPermit, target: Target) -> None:
        """One JSON patch, all or nothing: this uid, still this image, then the swap."""
        swap = swap_of(permit.fault, target)
        assert swap is not None, "planned by this class"
        path = f"/spec/containers/{swap.index}/image"
        operations = (
            {"op": "test", "path": path, "value": swap.image},
            {"op": "replace", "path": path, "value": swap.pause},
        )
        await context.cluster.patch_pod(permit, context.namespace, target.name, target.uid, operations)

    def is_applied(self, fault: Fault, target: Target, pod: Pod) -> bool:
        """Whether this pod still is the planned one, with the image that we put there."""
        return is_swapped(fault, target, pod)


def swap_of(fault: Fault, target: Target) -> ImageSwap | None:
    """The swap that the plan asks for; None where it asks for none."""
    kept = recorded(fault, target)
    if PAUSE_IMAGE not in fault.undo or "containerIndex" not in kept:
        return None
    return ImageSwap(int(kept["containerIndex"]), str(kept["image"]), str(fault.undo[PAUSE_IMAGE]))


def is_swapped(fault: Fault, target: Target, pod: Pod) -> bool:
    """Whether this pod still is the planned one, with the image that we put there.

    Only that is ours to revert. A pod of another uid was made anew by its StatefulSet, whatever image it has; and an
    image that is neither the pod's own nor ours was put there by somebody else.
    """
    swap = swap_of(fault, target)
    images = list(pod.images.values())
    if swap is None or pod.uid != target.uid or not 0 <= swap.index < len(images):
        return False
    return images[swap.index] != swap.image and is_same_image(images[swap.index], swap.pause)


def is_same_image(image: str, requested: str) -> bool:
    """Whether a webhook may have made this of the image that was asked for: by the same digest, or the same name.

    One that rewrites images to a mirror, a digest or another tag leaves the name at the end alone, or puts where it
    came from in front of it: `pause:3.10`, `mirror:5000/pause@sha256:…`, `mirror/registry-k8s-io-pause`.
    """
    digest = requested.partition("@")[2]
    if digest and image.endswith(digest):
        return True
    name, wanted = _name(image), _name(requested)
    return name == wanted or name.endswith(("-" + wanted, "_" + wanted, "." + wanted))


def _name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]
