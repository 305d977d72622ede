"""Reading beside a controller, after it, and from backups."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from controller.records import Records, RecordsError, RecordsMissing, RecordsUnavailable, queries
from controller.records.database import backup, reading
from controller.records.errors import NotRecorded
from tests.unit.records.samples import at, fill, spec

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


async def test_a_reader_sees_what_is_committed_while_the_controller_has_it_open(records: Records, url: str) -> None:
    await fill(records)
    with reading(url) as connection:
        ((campaign, tally),) = queries.list_campaigns(connection)
        attempts = queries.list_attempts(connection, "uid-1")
    assert (campaign.name, tally) == ("demo", await records.tally("uid-1"))
    assert [(row.trial, row.attempt) for row in attempts] == [(1, 1), (2, 1), (2, 2), (3, 1)]


async def test_a_reader_cannot_write(records: Records, url: str) -> None:
    with pytest.raises(RecordsUnavailable, match="readonly"), reading(url) as connection:
        connection.exec_driver_sql("DELETE FROM campaigns")


def test_no_database_is_a_sentence_and_none_is_made(url: str, database: Path) -> None:
    with pytest.raises(RecordsMissing, match=f"There are no records at {database}"), reading(url):
        pass
    assert not database.parent.exists()


async def test_a_campaign_is_found_by_name_full_name_and_uid(records: Records, url: str) -> None:
    with reading(url) as connection:
        for asked in ("demo", "default/demo", "uid-1"):
            found = queries.find_campaign(connection, asked)
            assert (found.campaign.uid, found.others) == ("uid-1", ())


async def test_of_campaigns_with_one_name_the_newest_is_taken_and_the_others_are_told(
    records: Records, url: str
) -> None:
    await records.ensure_campaign("uid-2", "default", "demo", spec(), at(100))
    await records.ensure_campaign("uid-3", "other", "demo", spec(), at(50))
    with reading(url) as connection:
        found = queries.find_campaign(connection, "demo")
        assert (found.campaign.uid, [row.uid for row in found.others]) == ("uid-2", ["uid-3", "uid-1"])
        assert queries.find_campaign(connection, "other/demo").campaign.uid == "uid-3"
        assert queries.find_campaign(connection, "uid-1").others == ()


async def test_an_unknown_campaign_or_trial_names_the_known_ones(records: Records, url: str) -> None:
    await fill(records)
    with reading(url) as connection:
        with pytest.raises(NotRecorded, match="No campaign 'nope' is recorded; known are default/demo"):
            queries.find_campaign(connection, "nope")
        campaign = queries.find_campaign(connection, "demo").campaign
        with pytest.raises(
            NotRecorded, match=r"demo has no trial 9; recorded \(trial.attempt\) are 1.1, 2.1, 2.2, 3.1"
        ):
            queries.get_attempt(connection, campaign, 9, None)
        with pytest.raises(NotRecorded, match="no attempt 3 of trial 2"):
            queries.get_attempt(connection, campaign, 2, 3)
        assert queries.get_attempt(connection, campaign, 2, None).attempt == 2
        assert queries.get_attempt(connection, campaign, 2, 1).attempt == 1


async def test_a_backup_has_every_row_also_those_in_the_wal(records: Records, url: str, tmp_path: Path) -> None:
    await fill(records)
    backup(url, tmp_path / "copy.db")
    with reading(f"sqlite:///{tmp_path}/copy.db") as connection:
        assert len(queries.list_attempts(connection, "uid-1")) == 4
    assert [name for name in os.listdir(tmp_path) if "copy" in name] == ["copy.db"], "one file, and no other is left"


def test_a_backup_while_a_writer_writes_is_whole(url: str, database: Path, tmp_path: Path) -> None:
    database.parent.mkdir()
    stop = threading.Event()
    ready = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE pairs (a, b)")
            while not stop.is_set():
                connection.executemany("INSERT INTO pairs VALUES (?, ?)", [("x" * 500, "y" * 500)] * 10)
                connection.commit()
                ready.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert ready.wait(5)
        counts = []
        for number in range(5):
            backup(url, tmp_path / f"{number}.db")
            with closing(sqlite3.connect(tmp_path / f"{number}.db")) as copy:
                counts.append(copy.execute("SELECT count(*) FROM pairs").fetchone()[0])
    finally:
        stop.set()
        writer.join()
    assert all(count % 10 == 0 for count in counts) and counts == sorted(counts) and counts[0] > 0


def test_a_backup_that_fails_leaves_the_old_one_and_no_litter(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all, but with enough bytes to look at" * 50)
    (tmp_path / "copy.db").write_text("the old one")
    with pytest.raises(RecordsError):
        backup(f"sqlite:///{tmp_path}/broken.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.db", "copy.db"]


@contextmanager
def nobody_may_write(folder: Path) -> Iterator[None]:
    """The folder and what is in it are read-only, and we are not root, who would not care."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("name", ["records.db", "copy.db"])
async def test_records_in_a_folder_that_cannot_be_written_are_readable(open_folder: Path, name: str) -> None:
    """The database itself, after a controller that ended well; or a backup."""
    live = await Records.open(f"sqlite:///{open_folder}/records.db")
    await live.ensure_campaign("uid-1", "default", "demo", spec(), at(0))
    backup(f"sqlite:///{open_folder}/records.db", open_folder / "copy.db")
    await live.close()
    with nobody_may_write(open_folder), reading(f"sqlite:///{open_folder}/{name}") as connection:
        assert queries.find_campaign(connection, "demo").campaign.uid == "uid-1"


async def test_an_error_of_ours_is_not_dressed_up(records: Records, url: str) -> None:
    with pytest.raises(RecordsUnavailable, match="no such table") as caught, reading(url) as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")
    assert isinstance(caught.value.__cause__, OperationalError)
