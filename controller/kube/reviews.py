"""Asks the API server what somebody else may do. That takes permission to create SubjectAccessReviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.accessreviews import SUBJECT_ACCESS_REVIEWS, access_review, is_allowed
from controller.kube.api import KubeApi
from subjects.cluster import ClusterError, ClusterUnreachable


class KubeReviews:
    """Sends access reviews. The caller owns `api` and closes it."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def may(self, user: str, groups: Sequence[str], attributes: Mapping[str, str]) -> bool | None:
        """Returns whether that user may; None where the API server does not say. `attributes` are
        `resourceAttributes`.
        """
        try:
            return is_allowed(
                await self._api.request("POST", SUBJECT_ACCESS_REVIEWS, body=access_review(user, groups, attributes))
            )
        except (ClusterError, ClusterUnreachable):
            return None
