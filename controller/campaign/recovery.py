"""Bringing to an end what an earlier process left open: undo the fault by its record, close the row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from controller.agents.deployment import AgentDeployment, stop_agent
from controller.api import CampaignSpec, Outcome, Step
from controller.attempt.injection import try_undo_fault
from controller.records import Records
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
        fault = Fault.from_json(row.fault) if row.fault is not None else None
        if fault is not None:
            say(f"undoing the fault of trial {row.trial}, attempt {row.attempt}, which was left open")
        # The step is recorded beside it: a disk that is full must not keep the fault in place.
        cleanup_failed, _, _ = await asyncio.gather(
            try_undo_fault(subject, fault, spec.deadlines.cleanup_seconds, say),
            stop_agent(workload, spec.deadlines.cleanup_seconds, log.debug),
            records.update(row.id, at=now(), step=Step.CLEANUP),
        )
        if cleanup_failed is not None:
            error = f"{error}; {cleanup_failed}"
            await records.end_attempt(row.id, outcome, at=now(), error=error, cleanup_failed=str(cleanup_failed))
            raise cleanup_failed
        await records.end_attempt(row.id, outcome, at=now(), error=error)
    return len(attempts)


async def _is_anothers(workload: AgentDeployment, campaign_uid: str, records: Records) -> bool:
    """Whether somebody unlocked it by hand, and another campaign runs its agent there now."""
    holders = (lock.campaign_uid for lock in await records.locks() if lock.subject == workload.key)
    return any(uid != campaign_uid for uid in holders)
