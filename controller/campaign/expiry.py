"""The end of a finished campaign's object: deleted when it has stayed as long as its spec says. Its records stay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from controller.api import Reason
from controller.campaign.control import Control
from controller.kube import CampaignRef, KubeCampaigns
from controller.records import CampaignRow
from subjects.cluster import ClusterError, ClusterUnreachable

log = logging.getLogger(__name__)

RETRY_SECONDS = 10.0


def expires_at(row: CampaignRow, ttl_seconds: int | None) -> datetime | None:
    """When the object is due to be deleted; None where it stays, as it does while a cleanup has failed. Pure.

    Counted from the end that is on record, so that it is the same after a restart.
    """
    if ttl_seconds is None or row.finished_at is None or row.reason == Reason.CLEANUP_FAILED:
        return None
    return row.finished_at + timedelta(seconds=ttl_seconds)


async def expire(
    row: CampaignRow, ref: CampaignRef, control: Control, kube: KubeCampaigns, now: Callable[[], datetime]
) -> None:
    """Return once the object is deleted, which may be never; the spec may still change its mind meanwhile."""
    while True:
        changed, due = control.changed, expires_at(row, control.controls.ttl_seconds_after_finished)
        left = None if due is None else max(0.0, (due - now()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await changed.wait()
        if not changed.is_set() and await _delete(ref, kube):
            return


async def _delete(ref: CampaignRef, kube: KubeCampaigns) -> bool:
    """Try once; whether it is done. After a failure, a pause."""
    log.info("%s/%s finished long enough ago: its object is deleted", ref.namespace, ref.name)
    try:
        await kube.delete(ref)
        return True
    except (ClusterError, ClusterUnreachable) as error:
        log.warning("%s/%s is not deleted yet: %s", ref.namespace, ref.name, error)
        await asyncio.sleep(RETRY_SECONDS)
        return False
