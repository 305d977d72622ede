"""What is wrong with a StatefulSet's pods, whatever runs in them. Pure functions.

Only the pods that the workload should have count. A further pod with the same label (after scaling up, or one that
somebody started to debug) takes nothing from the redundancy of the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from subjects.cluster import Pod, Workload
from subjects.protocol import Json, Problem


def member_names(workload: Workload) -> tuple[str, ...]:
    """The names its pods should have, in ordinal order."""
    return tuple(f"{workload.name}-{ordinal}" for ordinal in range(workload.replicas))


def ordinal(base: str, name: str) -> int | None:
    """The n of a name `{base}-{n}`; None where it is not one. So StatefulSets name their pods and their claims."""
    head, _, tail = name.rpartition("-")
    return int(tail) if head == base and tail.isascii() and tail.isdecimal() else None


def images_differ(pod: Pod, images: Mapping[str, str]) -> bool:
    """Whether a container asks for another image than it did. Containers that `images` does not name are ignored."""
    return any(pod.images.get(container) != image for container, image in images.items())


def describe_workload(workload: Workload) -> dict[str, Json]:
    """What is kept of it in a captured state."""
    return {"replicas": workload.replicas, "images": dict(workload.images)}


def describe_pod(pod: Pod) -> dict[str, Json]:
    """What is kept of it in a captured state."""
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
    """Every unmet condition of the expected pods, in ordinal order: present, staying, Ready, with the images they had.

    `known` has the images of pods by uid (`subjects/images.py`); of one that it does not name, nothing is expected.
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
