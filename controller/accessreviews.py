"""A SubjectAccessReview: asks the API server what somebody else may do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SUBJECT_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def access_review(user: str, groups: Sequence[str], attributes: Mapping[str, str]) -> dict[str, Any]:
    """Returns the request. `attributes` are its `resourceAttributes`; the user or any group may have the permission."""
    spec = {"user": user, "groups": list(groups), "resourceAttributes": dict(attributes)}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def is_allowed(answer: Mapping[str, Any]) -> bool | None:
    """Returns whether the access is allowed; None where the answer is unknown.

    A refusal counts only where the authorizers could evaluate everything.
    """
    status = answer.get("status") or {}
    if status.get("allowed") is True:
        return True
    return None if status.get("evaluationError") or "allowed" not in status else False
