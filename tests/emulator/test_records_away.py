"""The database locked, full or gone while a campaign runs: it waits, says why, and goes on, as if nothing had been."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.scripted import Script
from controller.records import database, facade
from tests.emulator.crash.mortalstage import mortal_stage
from tests.emulator.objects import Key
from tests.emulator.stage import Stage
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr(facade, "LONGEST_PAUSE", 0.2)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Somebody's shell has it."""
    shell = sqlite3.connect(database, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    yield
    shell.execute("ROLLBACK")
    shell.close()


@contextmanager
def gone(database: Path) -> Iterator[None]:
    """The volume is."""
    away = database.rename(database.with_name("away"))
    yield
    away.rename(database)


async def says(stage: Stage, key: Key, what: str) -> None:
    """Wait until the campaign's status says that the records cannot be reached, and why."""
    told = lambda: stage.status(key).get("message", "")  # noqa: E731
    await eventually(lambda: told().startswith("The records cannot be reached") and what in told(), f"{what}: {told()}")


TROUBLES = pytest.mark.parametrize(
    ("trouble", "reason"), [(locked, "database is locked"), (gone, "No such file or directory")]
)


@TROUBLES
async def test_in_mid_trial_the_campaign_waits_says_why_and_goes_on(
    running: Stage, trouble: Any, reason: Any, tmp_path: Path
) -> None:
    running.lab.scripts["subject"] = Script(heal_after=0.5)
    key = running.apply(trials=2)
    await running.until_hurt()
    with trouble(tmp_path / "records.db"):
        await says(running, key, reason)
        assert running.status(key)["phase"] == "Running"
    status = await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed")]
    assert len(running.lab.worlds["subject"].injected) == 2
    assert status["message"] == "2 of 2 scored trials recovered"


@TROUBLES
async def test_a_plan_that_cannot_be_committed_is_not_applied(
    running: Stage, trouble: Any, reason: Any, tmp_path: Path
) -> None:
    running.lab.scripts["subject"] = Script(reset_takes=0.5)
    key = running.apply()
    await running.until_step(key, "reset")
    with trouble(tmp_path / "records.db"):
        await says(running, key, reason)
        assert running.lab.worlds["subject"].injected == []
    await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]


@TROUBLES
async def test_a_campaign_that_is_applied_meanwhile_begins_afterwards(
    running: Stage, trouble: Any, reason: Any, tmp_path: Path
) -> None:
    with trouble(tmp_path / "records.db"):
        key = running.apply()
        await asyncio.sleep(0.5)
        assert running.lab.worlds["subject"].injected == []
    await running.until(key, "Complete")
    assert running.outcomes(key) == [(1, 1, "SelfHealed")]


async def test_on_a_full_disk_nothing_is_lost_and_the_fault_is_undone(tmp_path: Path) -> None:
    """The kernel refuses what would make a file longer than it is: for SQLite, a disk that is full."""
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply(trials=3, observeSeconds=60)
        done = lambda: stage.status(key).get("summary", {}).get("done", 0)  # noqa: E731
        life = asyncio.create_task(stage.run_until(lambda: stage.status(key).get("phase") == "Complete"))
        await eventually(lambda: done() >= 1)
        size = (tmp_path / "records.db-wal").stat().st_size
        unlimited = resource.prlimit(stage.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
        await says(stage, key, "disk")
        before = stage.outcomes(key)
        await asyncio.sleep(0.5)
        assert stage.outcomes(key) == before
        resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, unlimited)
        assert await life == 0
        assert stage.outcomes(key) == [(1, 1, "SelfHealed"), (2, 1, "SelfHealed"), (3, 1, "SelfHealed")]
        deeds = stage.world.read()["deeds"]
        assert deeds.count("inject") == 3 and deeds[-1] == "cleanup"
