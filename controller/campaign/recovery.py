"""Bringing to an end what an earlier process left open: undo the fault by its record, close the row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from controller.agents.deployment import AgentDeployment, stop_agent
from controller.api import CampaignSpec, Outcome, Step
from controller.attempt.injection import CleanupFailed, undo_fault
from controller.records import AttemptRow, Records
from subjects.protocol import EvalSubject, Fault

log = logging.getLogger(__name__)


async def close_unfinished(
    campaign_uid: str,
    spec: CampaignSpec,
    subject: EvalSubject,
    records: Records,
    workload: AgentDeployment | None,
    outcome: Outcome,
    now: Callable[[], datetime],
    say: Callable[[str], None],
) -> int:
    """Undo and close every attempt that has begun and not ended; return how many. Doing it twice is doing it once.

    Its agent, where `workload` is one, is sent away meanwhile, unless its Deployment is another campaign's by now.

    Raises CleanupFailed, with the row closed and the reason in it, when a fault could not be undone.
    """
    attempts = await records.unfinished(campaign_uid)
    if attempts and workload is not None and await _is_anothers(workload, campaign_uid, records):
        workload = None
    for row in attempts:
        error = f"the controller was stopped in step {row.step}"
        if row.fault is not None:
            say(f"undoing the fault of trial {row.trial}, attempt {row.attempt}, which was left open")
        # The step is recorded beside it: a disk that is full must not keep the fault in place.
        dirty, _, _ = await asyncio.gather(
            _try_undo(row, spec, subject, say),
            stop_agent(workload, spec.deadlines.cleanup_seconds, log.debug),
            records.update(row.id, at=now(), step=Step.CLEANUP),
        )
        if dirty is not None:
            await records.end_attempt(row.id, outcome, at=now(), error=f"{error}; {dirty}", dirty=str(dirty))
            raise dirty
        await records.end_attempt(row.id, outcome, at=now(), error=error)
    return len(attempts)


async def _is_anothers(workload: AgentDeployment, campaign_uid: str, records: Records) -> bool:
    """Whether somebody unlocked it by hand, and another campaign runs its agent there now."""
    holders = (lock.campaign_uid for lock in await records.locks() if lock.subject == workload.key)
    return any(uid != campaign_uid for uid in holders)


async def _try_undo(
    row: AttemptRow, spec: CampaignSpec, subject: EvalSubject, say: Callable[[str], None]
) -> CleanupFailed | None:
    if row.fault is None:
        return None
    try:
        await undo_fault(subject, Fault.from_json(row.fault), spec.deadlines.cleanup_seconds, say)
    except CleanupFailed as failed:
        return failed
    return None
