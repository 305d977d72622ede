"""Remembers the images of a subject's pods: container name to image, by the pod's uid.

A StatefulSet's template does not show them. Admission webhooks replace images by a mirror's or a digest and add
containers; with `OnDelete`, a partition or a rollout under way, pods of two revisions exist. None of that is a problem.

So a pod is compared only with itself: with the images that it had when the subject was last healthy, or, for a pod that
is newer, when it was first seen. A pod with another uid was recreated, as its StatefulSet wants it.

Images are read only while no fault of this program can be in place: each time that the subject has become healthy
before an injection, after everything of an earlier process was reverted from its record. So nothing has to outlive a
process. The images of a fault's targets are kept in the fault's record.
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
        """All known images."""
        return self._by_uid

    def replace_all(self, pods: Iterable[Pod]) -> None:
        """Remembers the pods of a healthy subject, and forgets all others."""
        self._by_uid = {pod.uid: dict(pod.images) for pod in pods if not pod.deleting}

    def add(self, pods: Iterable[Pod]) -> Mapping[str, Mapping[str, str]]:
        """Remembers pods that are seen for the first time, and returns all known images."""
        for pod in pods:
            self._by_uid.setdefault(pod.uid, dict(pod.images))
        return self._by_uid
