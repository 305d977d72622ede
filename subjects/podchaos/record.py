"""What a fault's record keeps of each target, so that it can be applied once and undone. Pure.

Since every pod is kept for itself, members may differ: a rollout is held back, or a webhook gave one of them another
image. Records of earlier versions kept one for all, and are read as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from subjects.cluster import Pod
from subjects.fault import Fault, Json, Target

PODS = "pods"
"""Key in `Fault.undo`: what was true of each target, by its name."""

IMAGES = "images"
"""Key for each target: container name to image, as the pod asked for them when the plan was made."""

PAUSE_IMAGE = "pauseImage"
"""Key in `Fault.undo`: the image that is put in place of a member's."""


@dataclass(frozen=True, slots=True)
class Swap:
    """One container's image, by the container's place in the pod, and what is put there instead."""

    index: int
    image: str
    pause: str


def kept_of(fault: Fault, target: Target) -> Mapping[str, Json]:
    """What the record keeps of this target."""
    pods = fault.undo.get(PODS)
    return pods.get(target.name, {}) if isinstance(pods, Mapping) else fault.undo


def images_of(fault: Fault, target: Target) -> Mapping[str, str]:
    """The target's images when the plan was made; in an earlier version's record those of its StatefulSet."""
    images: Mapping[str, str] = kept_of(fault, target).get(IMAGES, {})
    return images


def swap_of(fault: Fault, target: Target) -> Swap | None:
    """The swap that the plan asks for; None where it asks for none."""
    kept = kept_of(fault, target)
    if PAUSE_IMAGE not in fault.undo or "containerIndex" not in kept:
        return None
    return Swap(int(kept["containerIndex"]), str(kept["image"]), str(fault.undo[PAUSE_IMAGE]))


def is_swapped(fault: Fault, target: Target, pod: Pod) -> bool:
    """Whether this pod still is the planned one, with the image that we put there.

    Only that is ours to undo. A pod of another uid was made anew by its StatefulSet, whatever image it has; and an
    image that is neither the pod's own nor ours was put there by somebody else.
    """
    swap = swap_of(fault, target)
    images = list(pod.images.values())
    if swap is None or pod.uid != target.uid or not 0 <= swap.index < len(images):
        return False
    return images[swap.index] != swap.image and stands_for(images[swap.index], swap.pause)


def stands_for(image: str, asked: str) -> bool:
    """Whether a webhook may have made this of the image that was asked for: by the same digest, or the same name.

    One that rewrites images to a mirror, a digest or another tag leaves the name at the end alone, or puts where it
    came from in front of it: `pause:3.10`, `mirror:5000/pause@sha256:…`, `mirror/registry-k8s-io-pause`.
    """
    digest = asked.partition("@")[2]
    if digest and image.endswith(digest):
        return True
    name, wanted = _name(image), _name(asked)
    return name == wanted or name.endswith(("-" + wanted, "_" + wanted, "." + wanted))


def _name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]
