"""The calls about campaigns themselves: status by server-side apply, Events, and what a namespace's owner says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from controller.api import GROUP, KIND, PLURAL, VERSION, CampaignStatus, Phase
from controller.consent import Namespace
from controller.kube.api import KubeApi, understood
from controller.text import qualified_name, utc_seconds
from subjects.cluster import ClusterError

FIELD_MANAGER = "evalcampaign"


@dataclass(frozen=True, slots=True)
class CampaignRef:
    """Which EvalCampaign object."""

    uid: str
    namespace: str
    name: str

    @property
    def qualified_name(self) -> str:
        """`namespace/name`."""
        return qualified_name(self.namespace, self.name)


class KubeCampaigns:
    """Writes what people see of a campaign with kubectl."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def apply_status(self, campaign: CampaignRef, status: CampaignStatus) -> bool:
        """Apply the whole status, all fields ours. False when the campaign is gone."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            # No uid: on /status the API server ignores it. The finalizer keeps namesakes apart: while this campaign's
            # driver lives, the name is taken.
            "metadata": {"name": campaign.name, "namespace": campaign.namespace},
            "status": status.to_json(),
        }
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{campaign.namespace}/{PLURAL}/{campaign.name}/status"
        try:
            await self._api.request(
                "PATCH",
                path,
                query={"fieldManager": FIELD_MANAGER, "force": "true"},
                body=body,
                content_type="application/apply-patch+yaml",
            )
        except ClusterError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    async def delete(self, campaign: CampaignRef) -> None:
        """Delete this object, and no namesake of it; one that is gone already is no error."""
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{campaign.namespace}/{PLURAL}/{campaign.name}"
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": campaign.uid}}
        try:
            await self._api.request("DELETE", path, body=body)
        except ClusterError as error:
            if error.status not in (404, 409):
                raise

    async def list_uids(self) -> set[str]:
        """The uids of all campaigns there are, in any namespace."""
        listed = await self._api.request("GET", f"/apis/{GROUP}/{VERSION}/{PLURAL}")
        with understood("campaigns"):
            return {each["metadata"]["uid"] for each in listed["items"]}

    async def create_event(
        self, campaign: CampaignRef, key: str, reason: str, message: str, warning: bool, at: datetime
    ) -> None:
        """One Event beside the campaign. Its name follows from the campaign and `key`: twice is once."""
        name = event_name(campaign, key)
        stamp = utc_seconds(at)
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": campaign.namespace},
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": KIND,
                "name": campaign.name,
                "namespace": campaign.namespace,
                "uid": campaign.uid,
            },
            "reason": reason,
            "message": message[:1024],
            "type": "Warning" if warning else "Normal",
            "source": {"component": FIELD_MANAGER},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        try:
            await self._api.request("POST", f"/api/v1/namespaces/{campaign.namespace}/events", body=body)
        except ClusterError as error:
            if error.status != 409:
                raise

    async def read_namespace(self, name: str) -> Namespace:
        """What the namespace's owner says of it. ClusterError 404 where there is none, 403 where we may not look."""
        found = await self._api.request("GET", f"/api/v1/namespaces/{name}")
        with understood("a namespace"):
            meta = found["metadata"]
        return Namespace(name, meta.get("labels") or {}, meta.get("annotations") or {})


ENDS = tuple(f"phase/{phase}/" for phase in Phase if phase.terminal)
"""How the keys of Events begin that tell how a campaign ended."""


def event_name(campaign: CampaignRef, key: str) -> str:
    """The name of an Event; of those that came in one second, kubectl shows names in their order. Pure.

    So the end of a campaign goes by a name behind that of its last trial.
    """
    rank = "z" if key.startswith(ENDS) else "a"
    return f"{campaign.name[:200]}.{rank}{uuid5(UUID(campaign.uid), key).hex[:16]}"
