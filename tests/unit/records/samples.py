"""Times, specs and stories that the tests of the records and of the command line share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controller.api import CampaignSpec, Outcome, Phase, Step
from controller.records import Event, Records

EPOCH = datetime(2025, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A time so many seconds into the test's day."""
    return EPOCH + timedelta(seconds=seconds)


def spec(**changes: object) -> CampaignSpec:
    """Three trials of a pod kill, watched for 60 s."""
    asked = {
        "subject": {"type": "etcd", "namespace": "etcd-lab"},
        "chaos": {"type": "pod_kill"},
        "trials": 3,
        "observeSeconds": 60,
    }
    return CampaignSpec.model_validate({**asked, **changes})


def state(restarts: int, leader: str) -> dict[str, object]:
    """A small captured state."""
    pods = [{"name": f"etcd-{i}", "restarts": restarts if i == 1 else 0} for i in range(3)]
    return {"pods": pods, "leader": leader, "version": "3.5.21"}


async def run_attempt(
    records: Records, trial: int, start: float, outcome: Outcome, recovered: float | None, error: str | None = None
) -> None:
    """One whole attempt: injected 10 s after its start, healthy again `recovered` seconds after that."""
    row = await records.open_attempt("uid-1", trial, seed=100 + trial, at=at(start))
    await records.update(row.id, at=at(start + 5), step=Step.CAPTURE_INITIAL, initial_state=state(0, "etcd-1"))
    fault = {
        "chaos": "pod_kill",
        "targets": [{"name": "etcd-1", "uid": "pod-uid", "facts": {}}],
        "params": {"graceSeconds": 0},
        "undo": {},
    }
    await records.update(row.id, at=at(start + 9), step=Step.INJECT, fault=fault)
    injected = start + 10
    await records.update(row.id, at=at(injected), chaos_injected_at=at(injected), deadline_at=at(injected + 60))
    problem = {"reason": "NotReady", "member": "etcd-1", "message": "etcd-1 is not ready"}
    seen = Event(
        Step.OBSERVE, at(injected + 0.8), "verdict", {"serving": False, "healthy": False, "problems": [problem]}
    )
    await records.update(
        row.id,
        at=at(injected),
        step=Step.OBSERVE,
        events=[seen],
        manifested_at=at(injected + 0.8),
        serving_lost_at=at(injected + 0.8),
        serving_again_at=None if recovered is None else at(injected + 2.5),
        recovered_at=None if recovered is None else at(injected + recovered),
        blind_seconds=0.0,
    )
    await records.update(row.id, at=at(injected + 20), step=Step.CAPTURE_FINAL, final_state=state(1, "etcd-2"))
    assert await records.end_attempt(row.id, outcome, at=at(injected + 21), error=error)


async def fill(records: Records) -> None:
    """Campaign `default/demo`, complete: trial 1 heals, 2 needs a second attempt, 3 does not heal."""
    await records.ensure_campaign("uid-1", "default", "demo", spec(), at(0))
    await records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(1))
    await run_attempt(records, 1, 10, Outcome.SELF_HEALED, 3.4)
    await run_attempt(records, 2, 110, Outcome.INTERRUPTED, None, "the controller was stopped\nin mid-trial")
    await run_attempt(records, 2, 210, Outcome.SELF_HEALED, 5.0)
    await run_attempt(records, 3, 310, Outcome.NOT_HEALED, None)
    await records.set_phase("uid-1", Phase.COMPLETE, "AllTrialsDone", "", at(400))
