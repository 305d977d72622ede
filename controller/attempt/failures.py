"""What may end an attempt before it was observed to its end, and the one word for each in the record."""

from __future__ import annotations

from controller.api import Failure
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import ChaosRefused, SubjectError


class AttemptFailed(Exception):
    """Base of those that say which failure they are; the text goes into the record."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


FOREIGN = (
    (ChaosRefused, Failure.CHAOS_REFUSED),
    (SubjectError, Failure.SUBJECT_FAILED),
    (ClusterError, Failure.CLUSTER_REFUSED),
    (ClusterUnreachable, Failure.CLUSTER_UNREACHABLE),
)
"""Subjects and the API server know nothing of attempts. The first that fits counts."""


def failure_of(error: Exception) -> Failure:
    """Which failure an exception is. All but Unexpected may happen without anybody having to look at the code. Pure."""
    if isinstance(error, AttemptFailed):
        return error.failure
    return next((failure for type_, failure in FOREIGN if isinstance(error, type_)), Failure.UNEXPECTED)
