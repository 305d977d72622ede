"""On a disk that is full, or filled by an agent, faults are undone, and what happened is neither lost nor made up."""

from __future__ import annotations

import asyncio
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from controller.api import Outcome
from controller.records import inbox
from controller.records.quota import LogLimits
from tests.emulator.crash.mortalstage import MortalStage, mortal_stage
from tests.support.intakes import HONEST, HOSTILE, NOON, TICKET, Intake, served
from tests.support.waiting import eventually

MEBIBYTE = 1 << 20


def wal(folder: Path) -> int:
    return (folder / "records.db-wal").stat().st_size


@contextmanager
def held_log(folder: Path) -> Iterator[None]:
    """Every write goes to the end of SQLite's write-ahead log, so that a limit on its length is a full disk.

    Without a reader of what is in it, SQLite begins the log anew at its next checkpoint, and there is room again.
    """
    with closing(sqlite3.connect(folder / "records.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM attempts").fetchone()
        yield


def fill_the_disk(stage: MortalStage, folder: Path) -> tuple[int, int]:
    """From now on its files cannot grow. Returns the limits that there were."""
    unlimited = resource.prlimit(stage.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, (wal(folder), unlimited[1]))
    return unlimited


@pytest.mark.parametrize("how", ["the window ends", "it is deleted"])
async def test_the_fault_is_undone_while_the_disk_is_full_and_recorded_when_there_is_room(
    how: str, tmp_path: Path
) -> None:
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply(observeSeconds=60 if how != "the window ends" else 2)
        over = lambda: not stage.exists(key) or stage.status(key).get("phase") == "Complete"  # noqa: E731
        life = asyncio.create_task(stage.run_until(over, stays_down=True))
        await eventually(lambda: stage.world.read()["down"] is not None)
        await stage.until_step(key, "observe")
        with held_log(tmp_path):
            unlimited = fill_the_disk(stage, tmp_path)
            if how == "it is deleted":
                stage.delete(key)
            await eventually(lambda: stage.world.read()["down"] is None, "the fault stays")
            assert stage.world.read()["deeds"][-1] == "cleanup"
            [attempt] = stage.attempts(key)
            assert attempt.outcome is None, "there was room"
            told = lambda: stage.status(key).get("message", "")  # noqa: E731
            await eventually(lambda: told().startswith("The records cannot be reached"), told)
            uid = stage.row(key).uid
            resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, unlimited)
        assert await life == 0
        expected = Outcome.NOT_HEALED if how == "the window ends" else Outcome.ABORTED
        assert stage.outcomes(key, uid) == [(1, 1, expected)]
        [attempt] = stage.attempts(key, uid)
        assert attempt.ended_at is not None and attempt.deadline_at is not None and stage.locks() == []


async def test_what_a_killed_process_left_is_undone_by_the_next_one_on_a_full_disk(tmp_path: Path) -> None:
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply()
        assert await stage.run_until(die="step observe", stays_down=True) == -signal.SIGKILL
        assert stage.world.read()["down"] is not None
        with held_log(tmp_path):
            over = lambda: stage.status(key)["phase"] == "Complete"  # noqa: E731
            life = asyncio.create_task(stage.run_until(over, file_bytes=wal(tmp_path)))
            await eventually(lambda: stage.world.read()["down"] is None, "the fault stays")
            assert [each.outcome for each in stage.attempts(key)] == [None], "there was room"
            resource.prlimit(stage.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert await life == 0
        assert stage.outcomes(key) == [(1, 1, "Interrupted"), (1, 2, "SelfHealed")]


# What agents send ----------------------------------------------------------------------------------------------------


def log(*numbers: int, size: int = 4096) -> dict[str, Any]:
    said = {"session": "s", "type": "tool_result", "content": "x" * size}
    return {"entries": [{**said, "sequence": number} for number in numbers]}


async def no_room(intake: Intake) -> None:
    """The database may not get larger than it is, by SQLite's own word for it."""

    def limit(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    await intake.records.write_at_once(limit)


async def room(intake: Intake) -> None:
    await intake.records.write_at_once(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000"))


async def test_a_ticket_for_which_there_is_no_room_is_not_taken_for_none(tmp_path: Path) -> None:
    """Nobody says that there was no ticket until it has come again; when it has, it is seen."""
    async with served(tmp_path) as intake, intake.client(HONEST) as agent:
        source = intake.source(HONEST)
        cursor = await source.current_cursor()
        await no_room(intake)
        statuses = []
        for number in range(100):
            ticket = {**TICKET, "message": "y" * 4000}
            statuses.append((await agent.put(f"/v1/tickets/{number}", json=ticket)).status_code)
            if statuses[-1] != 204:
                break
        assert statuses[-1] == 503, "there was room"
        report = await source.poll(cursor)
        assert report.error is not None and "could not be written" in report.error
        await room(intake)
        assert (await agent.put(f"/v1/tickets/{len(statuses) - 1}", json=TICKET)).status_code == 204
        report = await source.poll(cursor)
        assert report.error is None and len(report.tickets) == len(statuses)


@pytest.mark.parametrize(
    ("log_limits", "status", "says"),
    [
        (LogLimits(free=1 << 60), 507, "are kept for tickets and"),
        (LogLimits(database=1), 507, "no more logs are taken"),
        (LogLimits(campaign_log=MEBIBYTE), 409, "all the log that is kept is there"),
    ],
)
async def test_logs_stop_early_and_tickets_do_not_and_the_attempt_says_so(
    tmp_path: Path, log_limits: LogLimits, status: int, says: str
) -> None:
    async with served(tmp_path, log_limits=log_limits) as intake, intake.client(HOSTILE) as agent:
        source = intake.source(HOSTILE)
        cursor = await source.current_cursor()
        answers = []
        for first in range(1, 400, 100):
            answers.append(await agent.post("/v1/log", json=log(*range(first, first + 100))))
        assert answers[-1].status_code == status and says in answers[-1].json()["error"], answers[-1].text
        assert (await agent.put("/v1/tickets/t", json=TICKET)).status_code == 204
        assert (await agent.put("/v1/sessions/s", json={"ticket": "t"})).status_code == 204
        said = await source.read_commands(cursor, (await source.poll(cursor)).tickets)
        assert not said.complete and "were refused" in said.reason
        next_cursor = await source.current_cursor()
        said = await source.read_commands(next_cursor, (await source.poll(cursor)).tickets)
        assert said.complete, "the next attempt has lost nothing"


async def test_one_campaigns_log_is_bounded_across_restarts_and_anothers_is_its_own(tmp_path: Path) -> None:
    log_limits = LogLimits(campaign_log=MEBIBYTE)
    kept = 0
    for first in (1, 101, 201, 301):
        async with served(tmp_path, log_limits=log_limits) as intake, intake.client(HOSTILE) as agent:
            answer = await agent.post("/v1/log", json=log(*range(first, first + 100)))
            kept += answer.status_code == 204
            async with intake.client(HONEST) as other:
                assert (await other.post("/v1/log", json=log(first))).status_code == 204
    assert kept == 2


async def test_a_flood_of_tickets_in_one_attempt_does_not_cost_the_next_its_detection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_TICKETS", 5)
    monkeypatch.setattr(inbox, "LONG_TICKETS", 5)
    long = {**TICKET, "message": "z" * 4000}
    async with served(tmp_path) as intake, intake.client(HOSTILE) as agent:
        flood = [(await agent.put(f"/v1/tickets/{n}", json=long)).status_code for n in range(8)]
        assert flood == [204] * 5 + [409] * 3
        assert (await agent.put("/v1/tickets/4", json={**long, "status": "resolved"})).status_code == 204
        await intake.records.open_attempt(HOSTILE, 1, 7, NOON.replace(hour=13))
        source = intake.source(HOSTILE)
        cursor = await source.current_cursor()
        assert (await agent.put("/v1/tickets/next", json=long)).status_code == 204
        [ticket] = (await source.poll(cursor)).tickets
        assert ticket.id == "next" and len(ticket.message) < 300
