"""How large a status gets, and how long it takes to compute, after ten thousand trials."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from controller.api import CampaignSpec, CurrentAttempt, Outcome, Phase, Step
from controller.attempt.attempt import trial_seed
from controller.clock import Clock
from controller.records import Records
from controller.status import DriverStatus, compute_status

UID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class StatusSize:
    """Bytes of the status as JSON, and the milliseconds that one more trial's tally and status took."""

    trials: int
    size: int
    milliseconds: float


async def measure(folder: Path, trials: int) -> StatusSize:
    """Fill a database with ended attempts, then compute the status as the driver does after each trial."""
    clock = Clock()
    records = await Records.open(f"sqlite:///{folder}/{trials}.db")
    spec = CampaignSpec.model_validate(
        {"subject": {"type": "etcd", "namespace": "etcd"}, "chaos": {"type": "node_kill"}, "trials": trials}
    )
    try:
        await records.ensure_campaign(UID, "default", "a-campaign-with-a-name-of-some-length", spec, clock.now())
        row = await records.set_phase(UID, Phase.RUNNING, "TrialsRunning", "trials are running", clock.now())
        for trial in range(1, trials + 1):
            await _one(records, clock, trial)
        await records.tally(UID)
        begun = time.perf_counter()
        tally = await records.tally(UID)
        now = clock.now()
        current = CurrentAttempt(trial=trials, attempt=1, step=Step.OBSERVE, since=now, deadline=now, message="m" * 200)
        status = compute_status(row, 1, tally, DriverStatus(current=current, holder="x/y", holds_subject=True), (), now)
        took = time.perf_counter() - begun
    finally:
        await records.close()
    return StatusSize(trials, len(json.dumps(status.to_json())), took * 1000)


async def _one(records: Records, clock: Clock, trial: int) -> None:
    now = clock.now()
    attempt = await records.open_attempt(UID, trial, trial_seed(0, trial), now)
    fault = {
        "chaos": "node_kill",
        "targets": [{"name": "etcd-1", "uid": attempt.id, "facts": {}}],
        "params": {},
        "undo": {},
    }
    injected, recovered = now + timedelta(seconds=1), now + timedelta(seconds=3 + trial % 7)
    await records.update(
        attempt.id, at=now, fault=fault, chaos_injected_at=injected, manifested_at=injected, recovered_at=recovered
    )
    # The longest error a row of `status.recent` can show, so that the size is the largest there is.
    await records.end_attempt(attempt.id, Outcome.SELF_HEALED, at=recovered, error="e" * 300)
