"""Replaces a member's image with the pause image, so that it stays down until somebody deletes the pod.

Kubernetes restarts the container in place with an image that does not hold the member's program. The StatefulSet does
nothing about it, because the pod exists and the template is unchanged. So the fault does not heal by itself.
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
    """The replacement of one container's image: the container's index in the pod, its image, and the pause image."""

    index: int
    image: str
    pause: str


class PodDown(PodFault):
    """Replaces the image of the member's container in exactly this pod."""

    heals_itself = False
    reverted_by = "somebody deletes its pod"

    def happened(self, target: Target, params: Mapping[str, Json]) -> str:
        """See `FaultType.happened`."""
        return f"{target.name} was put down, to stay down until {self.reverted_by}"

    def undo(self, context: FaultContext) -> Mapping[str, Json]:
        """Returns the pause image."""
        pause = context.images.get("pause")
        if pause is None:
            raise SubjectError(
                f"{self.name} needs the node's pause image, and none was found when the cluster was set up"
            )
        return {PAUSE_IMAGE: pause}

    def revert_data(self, context: FaultContext, pod: Pod) -> Mapping[str, Json]:
        """Returns the container's index and its image, so that the record says everything that was done."""
        if context.container not in pod.images:
            raise SubjectError(f"{self.name} needs a container named {context.container} in {pod.name}")
        return {
            "image": pod.images[context.container],
            "containerIndex": list(pod.images).index(context.container),
        }

    async def send(self, context: FaultContext, permit: InjectPermit, target: Target) -> None:
        """Sends one JSON patch, which is atomic: it tests the uid and the image, then replaces the image."""
        swap = swap_of(permit.fault, target)
        assert swap is not None, "planned by this class"
        path = f"/spec/containers/{swap.index}/image"
        operations = (
            {"op": "test", "path": path, "value": swap.image},
            {"op": "replace", "path": path, "value": swap.pause},
        )
        await context.cluster.patch_pod(permit, context.namespace, target.name, target.uid, operations)

    def is_applied(self, fault: Fault, target: Target, pod: Pod) -> bool:
        """Returns whether this is still the planned pod, with the image that the fault put there."""
        return is_swapped(fault, target, pod)


def swap_of(fault: Fault, target: Target) -> ImageSwap | None:
    """Returns the swap that the plan asks for; None where it asks for none."""
    kept = recorded(fault, target)
    if PAUSE_IMAGE not in fault.undo or "containerIndex" not in kept:
        return None
    return ImageSwap(int(kept["containerIndex"]), str(kept["image"]), str(fault.undo[PAUSE_IMAGE]))


def is_swapped(fault: Fault, target: Target, pod: Pod) -> bool:
    """Returns whether this is still the planned pod, with the image that the fault put there.

    Only that is reverted. A pod with another uid was created again by its StatefulSet, whatever image it has; an image
    that is neither the pod's own nor the fault's was put there by somebody else.
    """
    swap = swap_of(fault, target)
    images = list(pod.images.values())
    if swap is None or pod.uid != target.uid or not 0 <= swap.index < len(images):
        return False
    return images[swap.index] != swap.image and is_same_image(images[swap.index], swap.pause)


def is_same_image(image: str, requested: str) -> bool:
    """Returns whether an image may be the requested one as a webhook rewrote it: same digest or same name.

    A webhook that rewrites images to a mirror, a digest or another tag keeps the name at the end, or puts its origin in
    front of it: `pause:3.10`, `mirror:5000/pause@sha256:…`, `mirror/registry-k8s-io-pause`.
    """
    digest = requested.partition("@")[2]
    if digest and image.endswith(digest):
        return True
    name, wanted = _name(image), _name(requested)
    return name == wanted or name.endswith(("-" + wanted, "_" + wanted, "." + wanted))


def _name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]
