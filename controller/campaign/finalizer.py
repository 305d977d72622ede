"""The finalizer of a campaign: nothing of it stays behind in the subject, and its rows stay in the records.

The campaign that holds the subject's lock owes the cleanup; one that does not leaves the subject alone. So a fault that
cannot be reverted keeps the subject locked, also when its campaign is gone. Once somebody has unlocked the subject, the
campaign is released without another cleanup.

Garbage collection does the same for campaigns that went while no controller ran: somebody removed their finalizer, or
brought records from another cluster. Nobody will ever call their delete handler, and without it their faults and locks
would stay for ever. Campaigns that could not be cleaned up when they were deleted are tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from controller.api import CampaignSpec, Outcome, Reason
from controller.attempt.injection import CleanupFailed, undo_fault
from controller.campaign.attending import dismiss_agent
from controller.campaign.board import Board, Campaign
from controller.campaign.preconditions import Rejected, resolve_subject
from controller.campaign.recovery import close_unfinished
from controller.campaign.services import Services
from controller.kube import CampaignRef
from subjects.protocol import EvalSubject, Fault
from subjects.retry import retry_until_reachable

log = logging.getLogger(__name__)

DELETION_TIMEOUT_SECONDS = 300
"""How long a deletion retries a failed cleanup. An object that never goes keeps its namespace from going."""


async def finalize(services: Services, campaign: Campaign, asked_at: datetime) -> None:
    """Return when the object may go; its last status says how. `asked_at` is the deletionTimestamp.

    Raises CleanupFailed when a fault could not be reverted and the deletion should be tried again.
    """
    try:
        clean = await _clean_up(services, campaign)
    except CleanupFailed as failure:
        if services.now() - asked_at < timedelta(seconds=DELETION_TIMEOUT_SECONDS):
            await _write_last_status(services, campaign, f"Deletion waits, cleanup failed: {failure}")
            raise
        await _write_last_status(services, campaign, f"The campaign goes, and its subject stays locked: {failure}")
        await _leave_locked(services, campaign, failure)
    else:
        left = "nothing of it is left in the subject" if clean else "its subject was unlocked by hand before that"
        await _write_last_status(services, campaign, f"The campaign was deleted; {left}.")


async def release(services: Services, campaign: Campaign) -> None:
    """Clean up after a campaign whose object is gone already. Where that fails, the subject stays locked."""
    try:
        await _clean_up(services, campaign)
    except CleanupFailed as failure:
        await _leave_locked(services, campaign, failure)


async def _clean_up(services: Services, campaign: Campaign) -> bool:
    """Revert the open attempt, close it as Aborted, and release the subject. Idempotent.

    Returns whether nothing is left in the subject; False where it was unlocked with a fault in it. Raises CleanupFailed
    when a fault could not be reverted; the campaign then keeps the subject's lock.
    """
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return True  # without a row it never touched anything
    try:
        context = services.context(campaign.spec, campaign.ref.namespace)
        subject, _ = resolve_subject(campaign.spec, campaign.ref.namespace, services.subjects, context)
    except Rejected:
        subject = None  # it could not be run then either, and never had an attempt
    clean = True
    if subject is not None:
        try:
            clean = await _revert_everything(services, campaign, subject)
        finally:
            await subject.close()
    await services.records.mark_deleted(campaign.ref.uid, services.now())
    services.queue.wake()
    await dismiss_agent(services, campaign.spec, campaign.ref.uid)
    return clean


async def _revert_everything(services: Services, campaign: Campaign, subject: EvalSubject) -> bool:
    uid, records, now = campaign.ref.uid, services.records, services.now
    await close_unfinished(
        uid, campaign.spec, subject, records, services.workload(campaign.spec), Outcome.ABORTED, now, log.info
    )
    row = await records.get_campaign(uid)
    if row is None or row.reason != Reason.CLEANUP_FAILED:
        return True
    if await records.lock_of(uid) is None:
        return False
    last = (await records.tally(uid)).recent[0]
    if last.fault is not None:
        limit = campaign.spec.deadlines.cleanup_seconds
        await undo_fault(subject, Fault.from_json(last.fault), limit, log.info)
    return True


async def _leave_locked(services: Services, campaign: Campaign, failure: CleanupFailed) -> None:
    ref = campaign.ref
    log.error("campaign %s/%s is gone and keeps its subject: %s", ref.namespace, ref.name, failure)
    await services.records.mark_deleted(ref.uid, services.now(), keep_lock=True)


async def _write_last_status(services: Services, campaign: Campaign, message: str) -> None:
    """Write a last status, and the Event of a failed cleanup if there was one.

    Kopf handles a campaign again only when it changes: this change makes it remove the finalizer at once.
    """
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return
    async with services.projector(campaign.ref) as projector:
        board = Board(services, campaign, projector)
        await board.open()
        if board.row.reason == Reason.CLEANUP_FAILED:
            board.announce_phase()
        board.say(message)
        await projector.flush()


# Garbage collection


@asynccontextmanager
async def garbage_collection(services: Services) -> AsyncIterator[None]:
    """Collect once, in the background of the block."""
    collecting = asyncio.create_task(_collect_garbage(services))
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)


async def _collect_garbage(services: Services) -> None:
    """Revert and close what recorded campaigns without an object have left."""
    if not records_are_of_this_cluster(services):
        return
    recorded = await services.records.unreleased()  # before the list: what is recorded by now was there to be listed
    present = await _list_uids(services)
    for row in recorded:
        if row.uid in present:
            continue
        log.warning("campaign %s/%s is gone without its finalizer; cleaning up after it", row.namespace, row.name)
        ref = CampaignRef(row.uid, row.namespace, row.name)
        try:
            spec = CampaignSpec.model_validate(row.spec)
            await release(services, Campaign(ref, spec, generation=0, created_at=row.created_at))
        except Exception:  # one campaign's failure must not stop the collection of the others
            log.exception("campaign %s/%s could not be cleaned up", row.namespace, row.name)


def records_are_of_this_cluster(services: Services) -> bool:
    """Return whether the records are known to be of this cluster, which is so only inside it.

    Outside, the same records may have served another context, whose campaigns still exist there.
    """
    return services.api.in_cluster


async def _list_uids(services: Services) -> set[str]:
    return await retry_until_reachable(
        services.kube.list_uids, partial(log.warning, "the campaigns cannot be listed yet: %s")
    )
