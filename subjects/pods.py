"""Checks a StatefulSet's pods, with any program in them. Pure functions.

Only the pods that the workload should have count. Another pod with the same label (somebody scaled up, or started a
debug pod) does not reduce the redundancy of the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from subjects.cluster import Pod, Workload
from subjects.protocol import Json, Problem


def member_names(workload: Workload) -> tuple[str, ...]:
    """Returns the names that its pods should have, in ordinal order."""
    return tuple(f"{workload.name}-{ordinal}" for ordinal in range(workload.replicas))


def ordinal(base: str, name: str) -> int | None:
    """Returns n of a name `{base}-{n}`, as StatefulSets name pods and claims; None for any other name."""
    head, _, tail = name.rpartition("-")
    return int(tail) if head == base and tail.isascii() and tail.isdecimal() else None


def images_differ(pod: Pod, images: Mapping[str, str]) -> bool:
    """Returns whether a container's image differs from the one in `images`. Other containers are ignored."""
    return any(pod.images.get(container) != image for container, image in images.items())


def describe_workload(workload: Workload) -> dict[str, Json]:
    """Returns the workload's part of a captured state."""
    return {"replicas": workload.replicas, "images": dict(workload.images)}


def describe_pod(pod: Pod) -> dict[str, Json]:
    """Returns the pod's part of a captured state."""
    return {
        "uid": pod.uid,
        "ready": pod.ready,
        "deleting": pod.deleting,
        "phase": pod.phase,
        "restarts": pod.restarts,
        "node": pod.node,
        "images": dict(pod.images),
        "imageIds": dict(pod.image_ids),
    }


def pod_problems(
    workload: Workload, pods: Mapping[str, Pod], known: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Problem, ...]:
    """Returns the unmet conditions of the expected pods, in ordinal order.

    Each must exist, must not be being deleted, must be Ready, and must have the images that it had.
    `known` has the images of pods by uid (`subjects/images.py`); a pod that is not in it may have any image.
    """
    problems: list[Problem] = []
    for name in member_names(workload):
        pod = pods.get(name)
        if pod is None:
            problems.append(Problem("PodMissing", f"{name} has no pod", name))
            continue
        if pod.deleting:
            problems.append(Problem("PodTerminating", f"{name} is being deleted", name))
        if not pod.ready:
            problems.append(Problem("PodNotReady", f"{name} is not Ready", name))
        if images_differ(pod, (known or {}).get(pod.uid, {})):
            problems.append(Problem("PodImageDiffers", f"{name} does not have the image that it had", name))
    return tuple(problems)
