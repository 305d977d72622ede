"""What is owed when a campaign is deleted: nothing of it stays behind in the subject, its rows stay in the records."""

from __future__ import annotations

import logging

from controller.admission import Impossible, choose_subject
from controller.api import Outcome
from controller.board import Board, Campaign
from controller.cleanup import undo
from controller.projector import Projector
from controller.recovery import close_unfinished
from controller.services import Services
from controller.status import CLEANUP_FAILED
from subjects.protocol import EvalSubject, Fault

log = logging.getLogger(__name__)


async def say_farewell(services: Services, campaign: Campaign) -> None:
    """Undo what is open, close it as Aborted, let go of the subject. Doing it twice is doing it once.

    Raises CleanupFailed when a fault could not be undone; the campaign then keeps the subject.
    """
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return  # it never came as far as a row, so it never touched anything
    try:
        context = services.context(campaign.spec)
        subject, _ = choose_subject(campaign.spec, campaign.ref.namespace, services.subjects, context)
    except Impossible:
        subject = None  # refused then as now: it never had an attempt
    if subject is not None:
        try:
            await _undo_everything(services, campaign, subject)
        finally:
            await subject.close()
    await services.records.mark_deleted(campaign.ref.uid, services.now())
    services.queue.wake()


async def _undo_everything(services: Services, campaign: Campaign, subject: EvalSubject) -> None:
    uid, records, now = campaign.ref.uid, services.records, services.now
    await close_unfinished(uid, campaign.spec, subject, records, Outcome.ABORTED, now, log.info)
    row = await records.get_campaign(uid)
    if row is None or row.reason != CLEANUP_FAILED:
        return
    if not await records.holds_lock(uid):
        return  # somebody has looked at the subject, and taken the lock away
    last = (await records.tally(uid)).recent[0]
    if last.fault is not None:
        limit = campaign.spec.deadlines.cleanup_seconds
        await undo(subject, Fault.from_json(last.fault), limit, log.info)


async def show_farewell(services: Services, campaign: Campaign, message: str) -> None:
    """Write a last status. Kopf looks at a campaign again only when it changes: this is what lets it go at once."""
    if await services.records.get_campaign(campaign.ref.uid) is None:
        return
    async with Projector(services.kube, campaign.ref) as projector:
        board = Board(services, campaign, projector)
        await board.open()
        board.say(message)
        await projector.last_words()
