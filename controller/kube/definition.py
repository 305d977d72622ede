"""Whether the API server knows EvalCampaigns at all.

Kopf looks once, when it starts (looking on would take rights over all CRDs): a controller that starts before the CRD
is applied would run for ever and see nothing. So it is waited for, before Kopf starts.
"""

from __future__ import annotations

import asyncio
import logging

from controller.api import GROUP, PLURAL, VERSION
from controller.connection import NoCluster
from controller.kube.api import KubeApi, Unauthorized, understood
from subjects.cluster import ClusterError, ClusterUnreachable

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def await_definition(api: KubeApi) -> None:
    """Return once the resource is served; say once what is missing.

    Raises NoCluster where the API server does not know us, or does not let us look: more waiting would not help.
    """
    said = None
    while missing := await _missing(api):
        if missing != said:
            log.warning("waiting: %s", missing)
            said = missing
        await asyncio.sleep(RETRY_SECONDS)


async def _missing(api: KubeApi) -> str | None:
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
        with understood(f"what it serves of {GROUP}"):
            if any(resource["name"] == PLURAL for resource in found["resources"]):
                return None
    except ClusterUnreachable as senseless:
        return str(senseless)
    return f"the API server has no {PLURAL}.{GROUP}; apply the CRD: kubectl apply -f crds"
