"""The calls about campaigns: is their CRD there, status by server-side apply, Events, labels of their namespaces."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from controller.api import GROUP, KIND, PLURAL, VERSION, CampaignStatus, Phase
from controller.authorization import Namespace
from controller.connection import NoCluster
from controller.kube.api import KubeApi, Unauthorized, parsing
from controller.text import qualified_name, utc_seconds
from subjects.cluster import ClusterError, ClusterUnreachable

log = logging.getLogger(__name__)

FIELD_MANAGER = "evalcampaign"

CRD_RETRY_SECONDS = 1.0
"""The pause before the API server is asked again whether it serves campaigns."""


@dataclass(frozen=True, slots=True)
class CampaignRef:
    """Identifies an EvalCampaign object."""

    uid: str
    namespace: str
    name: str

    @property
    def qualified_name(self) -> str:
        """`namespace/name`."""
        return qualified_name(self.namespace, self.name)


class KubeCampaigns:
    """Reads and writes campaigns, their statuses and their Events."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def apply_status(self, campaign: CampaignRef, status: CampaignStatus) -> bool:
        """Apply the whole status; we own all its fields. Returns False where the campaign is gone."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            # No uid: on /status the API server ignores it. While this campaign's driver runs, the finalizer keeps the
            # name from being used again.
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
        """Delete this object, and no other of its name; no error where it is gone already."""
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{campaign.namespace}/{PLURAL}/{campaign.name}"
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": campaign.uid}}
        try:
            await self._api.request("DELETE", path, body=body)
        except ClusterError as error:
            if error.status not in (404, 409):
                raise

    async def list_uids(self) -> set[str]:
        """Returns the uids of all campaigns, in any namespace."""
        listed = await self._api.request("GET", f"/apis/{GROUP}/{VERSION}/{PLURAL}")
        with parsing("campaigns"):
            return {each["metadata"]["uid"] for each in listed["items"]}

    async def create_event(
        self, campaign: CampaignRef, key: str, reason: str, message: str, warning: bool, at: datetime
    ) -> None:
        """Create an Event about the campaign. Its name is derived from `key`: creating it twice creates one."""
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
        """Returns a namespace's labels and annotations. Raises ClusterError: 404 without one, 403 if unreadable."""
        found = await self._api.request("GET", f"/api/v1/namespaces/{name}")
        with parsing("a namespace"):
            meta = found["metadata"]
        return Namespace(name, meta.get("labels") or {}, meta.get("annotations") or {})


ENDS = tuple(f"phase/{phase}/" for phase in Phase if phase.terminal)
"""Prefixes of the keys of Events that report how a campaign ended."""


def event_name(campaign: CampaignRef, key: str) -> str:
    """Returns the name of an Event. kubectl sorts the Events of one second by name. Pure.

    So the Event of a campaign's end gets a name that sorts after those of its trials.
    """
    rank = "z" if key.startswith(ENDS) else "a"
    return f"{campaign.name[:200]}.{rank}{uuid5(UUID(campaign.uid), key).hex[:16]}"


async def wait_for_crd(api: KubeApi) -> None:
    """Return once the API server serves EvalCampaigns; log once what is missing.

    Kopf looks once, when it starts (looking on would take rights over all CRDs), and would see nothing for ever after.

    Raises NoCluster where the API server does not know us, or does not let us look: more waiting would not help.
    """
    logged = None
    while missing := await _missing_crd(api):
        if missing != logged:
            log.warning("waiting: %s", missing)
            logged = missing
        await asyncio.sleep(CRD_RETRY_SECONDS)


async def _missing_crd(api: KubeApi) -> str | None:
    try:
        found = await api.request("GET", f"/apis/{GROUP}/{VERSION}")
    except Unauthorized as unknown:
        raise NoCluster(f"{unknown} (by {api.connection.decided_by})") from None
    except ClusterUnreachable as away:
        return str(away)
    except ClusterError as error:
        if error.status != 404:
            raise NoCluster(f"the API server refused to say what it serves (HTTP {error.status}): {error}") from None
        found = {"resources": []}
    try:
        with parsing(f"what it serves of {GROUP}"):
            if any(resource["name"] == PLURAL for resource in found["resources"]):
                return None
    except ClusterUnreachable as invalid:
        return str(invalid)
    return f"the API server has no {PLURAL}.{GROUP}; apply the CRD: kubectl apply -f crds"
