"""Campaigns that went while no controller saw it: somebody dropped their finalizer, or brought records from elsewhere.

Nobody will ever call their delete handler. Without this, a fault of theirs would stay for ever, and so would their hold
on the subject. Those that could not be cleaned up when they were deleted are tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller.api import CampaignSpec
from controller.attempt.steps import RETRY_SECONDS
from controller.campaign.board import Campaign
from controller.campaign.farewell import bury
from controller.campaign.services import Services
from controller.kube import CampaignRef
from subjects.cluster import ClusterUnreachable

log = logging.getLogger(__name__)


@asynccontextmanager
async def burying_orphans(services: Services) -> AsyncIterator[None]:
    """Look for them once, beside what the block does."""
    burying = asyncio.create_task(_bury(services))
    try:
        yield
    finally:
        burying.cancel()
        await asyncio.gather(burying, return_exceptions=True)


async def _bury(services: Services) -> None:
    """Undo and close what recorded campaigns without an object have left."""
    if not records_are_this_clusters(services):
        return
    recorded = await services.records.unburied()  # before the list: what is recorded by now was there to be listed
    present = await _present(services)
    for row in recorded:
        if row.uid in present:
            continue
        log.warning("campaign %s/%s is gone, unseen by us; undoing what it left", row.namespace, row.name)
        ref = CampaignRef(row.uid, row.namespace, row.name)
        try:
            spec = CampaignSpec.model_validate(row.spec)
            await bury(services, Campaign(ref, spec, generation=0, created_at=row.created_at))
        except Exception:  # one that cannot be helped must not keep the others from it
            log.exception("campaign %s/%s could not be laid to rest", row.namespace, row.name)


def records_are_this_clusters(services: Services) -> bool:
    """Only inside the cluster is that sure.

    Outside, the same records may have served another context before, whose campaigns are alive and well there.
    """
    return services.api.in_cluster


async def _present(services: Services) -> set[str]:
    while True:
        try:
            return await services.kube.list_uids()
        except ClusterUnreachable as away:
            log.warning("the campaigns cannot be listed yet: %s", away)
            await asyncio.sleep(RETRY_SECONDS)
