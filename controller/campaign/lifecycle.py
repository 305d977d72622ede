"""The ends of a campaign: of an attempt that was left open, of a finished object, of a deleted one.

The campaign that holds the subject's lock must clean up; one that does not leaves the subject alone. So a fault that
cannot be reverted keeps the subject locked, also when its campaign is gone. Once somebody has unlocked the subject, the
campaign's finalizer is removed without another cleanup.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from controller.agents.deployment import AgentDeployment, stop_agent
from controller.api import CampaignSpec, Outcome, Reason, Step
from controller.attempt.injection import CleanupFailed, revert_fault, try_revert_fault
from controller.campaign.agent import end_agent_source
from controller.campaign.control import Control
from controller.campaign.phases import Campaign
from controller.campaign.preconditions import Rejected, resolve_subject
from controller.campaign.reporting import flush, load_state, phase_event, status_of
from controller.campaign.services import Services
from controller.kube import CampaignRef, KubeCampaigns
from controller.records import CampaignRow, Records
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.protocol import EvalSubject, Fault
from subjects.retry import retry_until_reachable

log = logging.getLogger(__name__)

DELETION_TIMEOUT_SECONDS = 300
"""How long a deletion retries a failed cleanup. An object that never goes keeps its namespace from going."""

EXPIRY_RETRY_SECONDS = 10.0
"""The pause after an expired object could not be deleted."""


# An attempt that an earlier process left open


async def close_unfinished(
    campaign_uid: str,
    spec: CampaignSpec,
    subject: EvalSubject,
    records: Records,
    workload: AgentDeployment | None,
    outcome: Outcome,
    now: Callable[[], datetime],
    report: Callable[[str], None],
) -> int:
    """Reverts and closes every attempt that has begun and not ended; returns how many. Idempotent.

    The agent is stopped meanwhile, unless its Deployment is locked by another campaign. Raises CleanupFailed, with the
    row closed and the reason in it, when a fault could not be reverted.
    """
    attempts = await records.unfinished(campaign_uid)
    if attempts and workload is not None and await _is_locked_by_another(workload, campaign_uid, records):
        workload = None
    for row in attempts:
        error = f"the controller was stopped in step {row.step}"
        fault = Fault.from_json(row.fault) if row.fault is not None else None
        if fault is not None:
            report(f"undoing the fault of trial {row.trial}, attempt {row.attempt}, which was left open")
        # The step is recorded beside it: a disk that is full must not keep the fault in place.
        failure, _, _ = await asyncio.gather(
            try_revert_fault(subject, fault, spec.deadlines.cleanup_seconds, report),
            stop_agent(workload, spec.deadlines.cleanup_seconds, log.debug),
            records.update(row.id, at=now(), step=Step.CLEANUP),
        )
        if failure is not None:
            error = f"{error}; {failure}"
            await records.end_attempt(row.id, outcome, at=now(), error=error, cleanup_failed=str(failure))
            raise failure
        await records.end_attempt(row.id, outcome, at=now(), error=error)
    return len(attempts)


async def _is_locked_by_another(workload: AgentDeployment, campaign_uid: str, records: Records) -> bool:
    """Returns whether the Deployment was unlocked by hand, and another campaign runs its agent there now."""
    holders = (lock.campaign_uid for lock in await records.locks() if lock.subject == workload.key)
    return any(uid != campaign_uid for uid in holders)


# A finished object


def expires_at(row: CampaignRow, ttl_seconds: int | None) -> datetime | None:
    """Returns when the object is to be deleted; None where it stays, as it does after a failed cleanup. Pure.

    It is counted from the end that is on record, so a restart changes nothing.
    """
    if ttl_seconds is None or row.finished_at is None or row.reason == Reason.CLEANUP_FAILED:
        return None
    return row.finished_at + timedelta(seconds=ttl_seconds)


async def delete_when_expired(
    row: CampaignRow, ref: CampaignRef, control: Control, kube: KubeCampaigns, now: Callable[[], datetime]
) -> None:
    """Deletes the object when its time to live is over, and returns then. The spec may change that time meanwhile."""
    while True:
        changed, due = control.changed, expires_at(row, control.controls.ttl_seconds_after_finished)
        left = None if due is None else max(0.0, (due - now()).total_seconds())
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await changed.wait()
        if not changed.is_set() and await _try_to_delete(ref, kube):
            return


async def _try_to_delete(ref: CampaignRef, kube: KubeCampaigns) -> bool:
    """Tries once, and returns whether the object is deleted. Pauses after a failure."""
    log.info("%s/%s finished long enough ago: its object is deleted", ref.namespace, ref.name)
    try:
        await kube.delete(ref)
        return True
    except (ClusterError, ClusterUnreachable) as error:
        log.warning("%s/%s is not deleted yet: %s", ref.namespace, ref.name, error)
        await asyncio.sleep(EXPIRY_RETRY_SECONDS)
        return False


# The finalizer


async def finalize(services: Services, campaign: Campaign, asked_at: datetime) -> None:
    """Returns when the object may go; its last status says how. `asked_at` is the deletionTimestamp.

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
    """Cleans up after a campaign whose object is gone already. Where that fails, the subject stays locked."""
    try:
        await _clean_up(services, campaign)
    except CleanupFailed as failure:
        await _leave_locked(services, campaign, failure)


async def _clean_up(services: Services, campaign: Campaign) -> bool:
    """Reverts the open attempt, closes it as Aborted, and releases the subject. Idempotent.

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
    services.queue.notify()
    await end_agent_source(services, campaign.spec, campaign.ref.uid)
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
        await revert_fault(subject, Fault.from_json(last.fault), limit, log.info)
    return True


async def _leave_locked(services: Services, campaign: Campaign, failure: CleanupFailed) -> None:
    ref = campaign.ref
    log.error("campaign %s/%s is gone and keeps its subject: %s", ref.namespace, ref.name, failure)
    await services.records.mark_deleted(ref.uid, services.now(), keep_lock=True)


async def _write_last_status(services: Services, campaign: Campaign, message: str) -> None:
    """Writes a last status, and the Event of a failed cleanup if there was one.

    Kopf handles a campaign again only when it changes: this change makes it remove the finalizer at once.
    """
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return
    state = await load_state(services.records, campaign, services.now())
    async with services.status_writer(campaign.ref) as writer, services.event_recorder(campaign.ref) as recorder:
        if state.row.reason == Reason.CLEANUP_FAILED:
            recorder.record(phase_event(state, services.now()))
        writer.write(status_of(replace(state, row=replace(state.row, message=message)), services.now()))
        await flush(writer, recorder)


# Garbage collection: campaigns that went while no controller ran, because somebody removed their finalizer, or brought
# records from another cluster. Nobody will ever call their delete handler. Those that could not be cleaned up when they
# were deleted are tried again.


@asynccontextmanager
async def garbage_collection(services: Services) -> AsyncIterator[None]:
    """Collects the garbage once, in the background of the block."""
    collecting = asyncio.create_task(_collect_garbage(services))
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)


async def _collect_garbage(services: Services) -> None:
    """Reverts and closes what recorded campaigns without an object have left."""
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
    """Returns whether the records are known to be of this cluster, which is so only inside it.

    Outside, the same records may have served another context, whose campaigns still exist there.
    """
    return services.api.in_cluster


async def _list_uids(services: Services) -> set[str]:
    return await retry_until_reachable(
        services.kube.list_uids, partial(log.warning, "the campaigns cannot be listed yet: %s")
    )
