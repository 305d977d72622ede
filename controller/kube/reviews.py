"""Asking the API server what somebody else may do. That takes the right to create SubjectAccessReviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.kube.api import KubeApi
from controller.reviews import SUBJECT_REVIEWS, review, verdict
from subjects.cluster import ClusterError, ClusterUnreachable


class KubeReviews:
    """Holds no connection of its own: `api` belongs to whoever made it."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def may(self, user: str, groups: Sequence[str], attributes: Mapping[str, str]) -> bool | None:
        """Whether that user may; None where the API server does not say. `attributes` are a `resourceAttributes`."""
        try:
            return verdict(await self._api.request("POST", SUBJECT_REVIEWS, body=review(user, groups, attributes)))
        except (ClusterError, ClusterUnreachable):
            return None
