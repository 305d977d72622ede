"""The images that a subject's pods should have, taken from the pods themselves: container name to image, by pod uid.

A StatefulSet's template does not define them. Admission webhooks rewrite images to a mirror or a digest and add
containers; with `OnDelete`, a partition or a rollout in progress there are pods of two revisions. The owner decides all
of that. So a pod is compared only with its earlier self: with the images that it had when the subject was last seen
healthy, or when the pod was first seen after that. A pod with another uid is new, and has what its StatefulSet gave it.

No images are recorded while a fault of ours may be present: they are recorded each time that the subject has become
healthy before an injection, when the faults of earlier processes have been reverted from their records. So nothing has
to survive the process. The images of a fault's targets are kept in the fault's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from subjects.cluster import Pod


class KnownImages:
    """The images of pods by uid. Belongs to one subject object."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Mapping[str, str]] = {}

    @property
    def by_uid(self) -> Mapping[str, Mapping[str, str]]:
        """The images of all pods that are known."""
        return self._by_uid

    def learn(self, pods: Iterable[Pod]) -> None:
        """Record the pods of a healthy subject, and drop what was recorded before."""
        self._by_uid = {pod.uid: dict(pod.images) for pod in pods if not pod.deleting}

    def add(self, pods: Iterable[Pod]) -> Mapping[str, Mapping[str, str]]:
        """Record pods that are seen for the first time, as they are now; return the images of all pods that are known."""
        for pod in pods:
            self._by_uid.setdefault(pod.uid, dict(pod.images))
        return self._by_uid
