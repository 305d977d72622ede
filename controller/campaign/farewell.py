"""What is owed when a campaign is deleted: nothing of it stays behind in the subject, its rows stay in the records.

Who holds the subject owes it the cleanup; who does not leaves it alone. So a fault that cannot be undone keeps the
subject locked, also when its campaign is gone, and once somebody has unlocked it, the campaign goes without another
look at it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from controller.api import Outcome, Reason
from controller.attempt.injection import CleanupFailed, undo_fault
from controller.campaign.admission import Impossible, choose_subject
from controller.campaign.attending import dismiss_agent
from controller.campaign.board import Board, Campaign
from controller.campaign.recovery import close_unfinished
from controller.campaign.services import Services
from subjects.protocol import EvalSubject, Fault

log = logging.getLogger(__name__)

DELETION_PATIENCE_SECONDS = 300
"""How long a deletion tries to undo a fault that resists. An object that never goes keeps its namespace from going."""


async def delete(services: Services, campaign: Campaign, asked_at: datetime) -> None:
    """Return when the object may go, having said in its status how. `asked_at`: when the deletion was asked for.

    Raises CleanupFailed when a fault could not be undone and it should be tried again.
    """
    try:
        clean = await _settle(services, campaign)
    except CleanupFailed as dirty:
        if services.now() - asked_at < timedelta(seconds=DELETION_PATIENCE_SECONDS):
            await _show(services, campaign, f"Deletion waits, cleanup failed: {dirty}")
            raise
        await _show(services, campaign, f"The campaign goes, and its subject stays locked: {dirty}")
        await _leave_locked(services, campaign, dirty)
    else:
        left = "nothing of it is left in the subject" if clean else "its subject was unlocked by hand before that"
        await _show(services, campaign, f"The campaign was deleted; {left}.")


async def bury(services: Services, campaign: Campaign) -> None:
    """Do what can be done for a campaign whose object is gone already. It may keep its subject, locked."""
    try:
        await _settle(services, campaign)
    except CleanupFailed as dirty:
        await _leave_locked(services, campaign, dirty)


async def _settle(services: Services, campaign: Campaign) -> bool:
    """Undo what is open, close it as Aborted, let go of the subject. Doing it twice is doing it once.

    Whether nothing is left in the subject; False where it was unlocked with something in it. Raises CleanupFailed when
    a fault could not be undone; the campaign then keeps the subject.
    """
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return True  # it never came as far as a row, so it never touched anything
    try:
        context = services.context(campaign.spec, campaign.ref.namespace)
        subject, _ = choose_subject(campaign.spec, campaign.ref.namespace, services.subjects, context)
    except Impossible:
        subject = None  # refused then as now: it never had an attempt
    clean = True
    if subject is not None:
        try:
            clean = await _undo_everything(services, campaign, subject)
        finally:
            await subject.close()
    await services.records.mark_deleted(campaign.ref.uid, services.now())
    services.queue.wake()
    await dismiss_agent(services, campaign.spec, campaign.ref.uid)
    return clean


async def _undo_everything(services: Services, campaign: Campaign, subject: EvalSubject) -> bool:
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


async def _leave_locked(services: Services, campaign: Campaign, dirty: CleanupFailed) -> None:
    ref = campaign.ref
    log.error("campaign %s/%s is gone and keeps its subject: %s", ref.namespace, ref.name, dirty)
    await services.records.mark_deleted(ref.uid, services.now(), keep_lock=True)


async def _show(services: Services, campaign: Campaign, message: str) -> None:
    """Write a last status, and the Event of a failed cleanup if there was one.

    Kopf looks at a campaign again only when it changes: this is what lets it go at once.
    """
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return
    async with services.projector(campaign.ref) as projector:
        board = Board(services, campaign, projector)
        await board.open()
        if board.row.reason == Reason.CLEANUP_FAILED:
            board.announce_phase()
        board.say(message)
        await projector.last_words()
