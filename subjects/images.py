"""The images that a subject's pods should have: container name to image, by the pod's uid, as they were observed.

A StatefulSet's template does not say it. Admission webhooks change images to a mirror or to a digest and add others;
with `OnDelete`, a partition or a rollout in progress there are pods of two revisions. All of that is up to the owner.
So a pod is compared with itself alone: with the images that it had when the subject was last healthy, or when the pod
was first seen after that. A pod of another uid is new, and is as its StatefulSet creates them.

Images are recorded only while no fault of ours can be present: each time that the subject has become healthy before an
injection, after every earlier fault was reverted by its record. So nothing has to outlive a process. The images of a
fault's targets are kept in the fault's record.
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
        """All that is known."""
        return self._by_uid

    def learn(self, pods: Iterable[Pod]) -> None:
        """Take the pods of a healthy subject for what is right. What was known before is forgotten."""
        self._by_uid = {pod.uid: dict(pod.images) for pod in pods if not pod.deleting}

    def add(self, pods: Iterable[Pod]) -> Mapping[str, Mapping[str, str]]:
        """Remember pods that are seen for the first time as they are now; return all that is known."""
        for pod in pods:
            self._by_uid.setdefault(pod.uid, dict(pod.images))
        return self._by_uid
