"""What a subject's pods look like, learnt by looking at them: container name to image, by the pod's uid.

A StatefulSet's template does not say it. Admission webhooks send images to a mirror or to a digest and add containers;
with `OnDelete`, a partition or a rollout under way there are pods of two revisions. All of that is the owner's affair.
So a pod is compared with nothing but itself: with the images that it had when the subject was last seen healthy, or
when it was first met after that. A pod of another uid was made anew, and is as its StatefulSet makes them.

Nothing is learnt while a fault of ours may be there: all is learnt anew each time that the subject has become healthy
before an injection, when whatever an earlier process left behind has been undone from its record. So nothing has to
outlive a process. What a fault's targets looked like is kept in the fault's record.
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
