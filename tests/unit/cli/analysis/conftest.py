"""A database with a baseline, two variants of an agent, a control, and a campaign that asked something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from controller.api import Mode, Outcome, Phase, Step
from controller.cli.app import app
from controller.records import Records
from tests.unit.records.samples import at, spec, state

N = 8
COMMAND = {"tool": "bash", "session": "s1", "at": None, "exitCode": 0, "mutating": True, "destructive": False}
THOUGHT = "I look at the leader first"
HOSTILE = "<script>alert('why')</script>"

Run = Callable[..., Result]


async def campaign(records: Records, uid: str, name: str, times: list[float | None], **asked: object) -> None:
    """Complete, with a trial for each time to recover; None does not recover."""
    stored = spec(trials=len(times), **asked)
    await records.ensure_campaign(uid, "default", name, stored, at(0))
    await records.set_phase(uid, Phase.RUNNING, "Started", "", at(1))
    for trial, time in enumerate(times, start=1):
        await attempt(records, uid, stored.mode, trial, time)
    await records.set_phase(uid, Phase.COMPLETE, "AllTrialsDone", "", at(2000))


async def attempt(records: Records, uid: str, mode: Mode, trial: int, time: float | None) -> None:
    start = 100.0 * trial
    row = await records.open_attempt(uid, trial, seed=100 + trial, at=at(start - 10))
    facts: dict[str, object] = {"window_started_at": at(start), "deadline_at": at(start + 60)}
    if mode.injects:
        fault = {
            "chaos": "pod_kill",
            "targets": [{"name": "etcd-1", "uid": "pod-uid", "facts": {}}],
            "params": {},
            "undo": {},
        }
        facts |= {"chaos_injected_at": at(start), "manifested_at": at(start + 0.5), "fault": fault}
        facts |= {"initial_state": state(0, "etcd-1"), "final_state": state(1, HOSTILE)}
    if time is not None:
        facts |= {"recovered_at": at(start + time), "serving_again_at": at(start + time / 2)}
    outcome = Outcome.NOT_HEALED if time is None else Outcome.SELF_HEALED
    if mode is Mode.AGENT:
        log = [{**COMMAND, "command": f"kubectl delete pod etcd-{i}", "why": HOSTILE} for i in (1, 2)]
        facts |= {"reasoning": [{"at": None, "session": "s1", "text": THOUGHT, "after": 1}]}
        facts |= {"ticket_seen_at": at(start + 2), "ticket_created_at": at(start + 2), "commands": log}
        facts |= {"resolution_seen_at": at(start + 30), "resolved_at": at(start + 30)}
        outcome = Outcome.FALSE_RESOLUTION if time is None else Outcome.RESOLVED
    elif mode is Mode.CONTROL:
        outcome = Outcome.QUIET
    await records.update(row.id, at=at(start + 50), step=Step.OBSERVE, **facts)  # type: ignore[arg-type]
    await records.end_attempt(row.id, outcome, at=at(start + 61))


async def seed(url: str) -> None:
    records = await Records.open(url)
    agent = {"mode": "agent", "agent": {"source": "http"}}
    slow: list[float | None] = [*[50.0 + i % 3 for i in range(N - 2)], None, None]
    quick = [10.0 + i % 4 for i in range(N)]
    await campaign(records, "base", "alone", slow)
    await campaign(records, "v1", "helped", list(quick), **agent, variant={"name": "one"})
    await campaign(records, "v2", "helped-too", [time + 1 for time in quick], **agent, variant={"name": "two"})
    await campaign(records, "quiet", "quiet", [None] * 4, mode="control", agent={"source": "http"})
    await campaign(records, "odd", "odd", list(quick), settleSeconds=30)
    await records.close()


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database that tests only read."""
    url = f"sqlite:///{tmp_path_factory.mktemp('judged')}/records.db"
    asyncio.run(seed(url))
    return url


@pytest.fixture
def run(judged: str) -> Iterator[Run]:
    def run_(*arguments: str, db: str = judged) -> Result:
        return CliRunner().invoke(app, arguments, env={"EVALCAMPAIGN_DB": db, "COLUMNS": "160"})

    yield run_
