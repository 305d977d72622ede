from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from controller.api import Outcome, Phase
from controller.records import Records, RecordsError, RecordsInUse, RecordsUnavailable
from controller.records.facade import retry_until_available
from controller.records.store import Store
from tests.unit.records.samples import at, spec


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock of another process is waited for only briefly."""
    monkeypatch.setattr("controller.records.database.BUSY_SECONDS", 0.02)


async def test_opening_makes_the_folder_and_the_file_and_a_second_opening_finds_the_rows(
    records: Records, url: str
) -> None:
    await records.close()
    again = await Records.open(url)
    assert await again.get_campaign("uid-1") is not None
    await again.close()


async def test_a_second_controller_is_refused_in_a_sentence_until_the_first_is_gone(records: Records, url: str) -> None:
    with pytest.raises(RecordsInUse, match=r"in use by another controller \(process \d+ on .+\)\. Only one"):
        await Records.open(url)
    await records.close()
    await (await Records.open(url)).close()


async def test_a_failed_opening_keeps_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"this is no database, but long enough to be asked for its header " * 20)
    for _ in range(2):
        with pytest.raises(RecordsUnavailable, match="file is not a database"):
            await Records.open(f"sqlite:///{path}")


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE orders (id)")
    with pytest.raises(RecordsError, match=r"something else than records \(tables: orders\)"):
        await Records.open(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "records.db", "sqlite:///x.db?mode=memory"])
async def test_urls_that_name_no_file_are_refused(url: str) -> None:
    with pytest.raises(RecordsError, match="sqlite:////data/records"):
        await Records.open(url)


async def test_writes_are_durable_and_checked(records: Records) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    full = 2
    assert await records._store.write(pragmas) == ["wal", full, 1]


async def test_a_reader_cannot_write(records: Records) -> None:
    with pytest.raises(RecordsUnavailable, match="readonly"):
        await records._store.read(lambda c: c.exec_driver_sql("DELETE FROM campaigns"))


async def test_a_read_sees_one_snapshot_while_a_write_commits(records: Records) -> None:
    reading, written = threading.Event(), threading.Event()

    def twice(connection: Connection) -> list[object]:
        query = "SELECT phase FROM campaigns"
        first = connection.exec_driver_sql(query).scalar()
        reading.set()
        written.wait(5)
        return [first, connection.exec_driver_sql(query).scalar()]

    read = asyncio.create_task(records._store.read(twice))
    await asyncio.to_thread(reading.wait, 5)
    await records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(1))
    written.set()
    assert await read == ["Pending", "Pending"]


async def test_commits_are_counted_and_failed_writes_are_not(records: Records) -> None:
    before = records.commits
    await records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(1))
    with pytest.raises(LookupError):
        await records.set_phase("nobody", Phase.RUNNING, "Started", "", at(1))
    await records.get_campaign("uid-1")
    assert records.commits == before + 1


async def test_a_cancellation_during_a_commit_is_delivered_after_it(records: Records) -> None:
    store, inside, go_on = records._store, threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE campaigns SET reason = 'written'")
        inside.set()
        go_on.wait(5)

    task = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(inside.wait, 5)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.01)
    assert not task.done(), "the commit goes on, and its caller waits for it"
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    row = await records.get_campaign("uid-1")
    assert row is not None and row.reason == "written"


async def test_a_timeout_during_a_commit_is_a_timeout(records: Records) -> None:
    go_on = threading.Event()
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await records._store.write(lambda c: go_on.wait(5))


async def test_closing_waits_for_the_write_in_flight(records: Records, url: str) -> None:
    writing = asyncio.create_task(records.set_phase("uid-1", Phase.RUNNING, "Started", "", at(1)))
    await asyncio.sleep(0)
    await records.close()
    assert (await writing).phase is Phase.RUNNING
    with pytest.raises(RecordsError, match="closed already"):
        await records.get_campaign("uid-1")


@pytest.mark.usefixtures("impatient")
async def test_a_locked_database_is_said_and_the_write_is_made_when_it_is_free(url: str, database: Path) -> None:
    waits: list[str] = []
    waited = asyncio.Event()

    def on_wait(message: str) -> None:
        waits.append(message)
        waited.set()

    records = await Records.open(url, on_wait=on_wait)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(records.ensure_campaign("uid-1", "default", "demo", spec(), at(0)))
        await waited.wait()
        other.execute("ROLLBACK")
    assert (await writing).uid == "uid-1"
    assert set(waits) == {"The records cannot be reached: database is locked"}
    await records.close()


@pytest.mark.usefixtures("impatient")
async def test_without_anyone_to_tell_a_locked_database_is_an_error(records: Records, database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable, match="database is locked"):
            await records.mark_deleted("uid-1", at(1))
    await records.mark_deleted("uid-1", at(2))


async def test_a_full_disk_loses_no_write(records: Records) -> None:
    """`max_page_count` makes SQLite say what it says on a full disk, at the same places."""
    store: Store = records._store
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    large = {"pods": ["p" * 1000] * 500}

    def limit(pages: int) -> None:
        with store._writer.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute(f"PRAGMA max_page_count = {pages}")

    await asyncio.get_running_loop().run_in_executor(store._write_thread, limit, 1)  # no more than it has
    waits: list[str] = []

    def make_room(message: str) -> None:
        waits.append(message)
        store._write_thread.submit(limit, 1_000_000)

    await retry_until_available(
        lambda: records.update(row.id, at=at(2), initial_state=large), make_room, first_pause=0.01
    )
    assert waits == ["The records cannot be reached: database or disk is full"]
    (now,) = await records.unfinished("uid-1")
    assert now.initial_state == large
    assert await records.end_attempt(row.id, Outcome.ABORTED, at=at(3)) is True


@contextmanager
def displaced(database: Path, by: bytes | None) -> Iterator[None]:
    """The file is elsewhere, with nothing or something in its place; which must be left as it is."""
    away = database.rename(database.with_name("away"))
    if by is not None:
        database.write_bytes(by)
    yield
    found = database.read_bytes() if database.exists() else None
    assert found == by, "an empty database in its place would be taken for the records"
    away.replace(database)


@pytest.mark.parametrize(("by", "why"), [(None, "No such file"), (b"", "another file than the one that was opened")])
async def test_a_database_that_is_not_in_its_place_is_neither_read_nor_written_until_it_is_back(
    records: Records, database: Path, by: bytes | None, why: str
) -> None:
    """SQLite itself would go on writing to a file that has no name any more."""
    with displaced(database, by):
        for asked in (records.open_attempt("uid-1", 1, 7, at(1)), records.get_campaign("uid-1")):
            with pytest.raises(RecordsUnavailable, match=why):
                await asked
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    assert [each.id for each in await records.unfinished("uid-1")] == [row.id]


async def test_waiting_ends_when_cancelled_and_other_errors_come_through() -> None:
    async def unavailable() -> None:
        raise RecordsUnavailable("no")

    async def wrong() -> None:
        raise LookupError("wrong")

    waiting = asyncio.create_task(retry_until_available(unavailable, lambda message: None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(LookupError):
        await retry_until_available(wrong, lambda message: None)
