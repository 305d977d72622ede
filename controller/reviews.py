"""What a SubjectAccessReview asks and answers: what somebody else may do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SUBJECT_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def review(user: str, groups: Sequence[str], attributes: Mapping[str, str]) -> dict[str, Any]:
    """The question. `attributes` are its `resourceAttributes`; rights may be bound to the user or to any group."""
    spec = {"user": user, "groups": list(groups), "resourceAttributes": dict(attributes)}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def verdict(answer: Mapping[str, Any]) -> bool | None:
    """Whether it may. None where that is not said: a no of an authorizer that could not look at everything is none."""
    status = answer.get("status") or {}
    if status.get("allowed") is True:
        return True
    return None if status.get("evaluationError") or "allowed" not in status else False
