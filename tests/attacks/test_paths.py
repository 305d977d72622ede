"""Paths that a campaign may name: never to the records, by whatever name, and nowhere but where agents' files lie."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controller.__main__ import _agent_files
from controller.agents.operatordb.file import path_refusal
from controller.agents.operatordb.source import OperatorDb
from controller.agents.protocol import Cursor, FilePolicy
from controller.agents.sources import AgentSources, GuardedSource, InvalidSource
from controller.api import Agent
from controller.records import Records
from controller.settings import Settings
from tests.support.operatordb import AgentFile

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTHING = Cursor(NOW)


class Place:
    """A folder of agents' files, and records that are open elsewhere."""

    def __init__(self, root: Path) -> None:
        self.agents, self.data = root / "agents", root / "data"
        self.agents.mkdir()
        self.data.mkdir()
        self.records = self.data / "records.db"
        settings = Settings(f"sqlite:///{self.records}", {}, 0, agent_files=self.agents)
        policy = _agent_files(settings)
        assert policy is not None
        self.policy = policy

    async def refused(self, path: Path) -> str:
        """What the campaign is told, and every later look too."""
        sources = AgentSources(None, lambda: NOW, files=self.policy)
        with pytest.raises(InvalidSource) as no:
            await sources.open(Agent(source="operatorDb", path=str(path)), "uid")
        looking = OperatorDb(path, ZoneInfo("UTC"), lambda: NOW, self.policy)
        report = await looking.poll(NOTHING)
        await looking.close()
        assert report.error is not None and report.error in str(no.value)
        return str(no.value)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Any]:
    made = Place(tmp_path)
    records = await Records.open(f"sqlite:///{made.records}")
    await records.get_campaign("none")  # so that it is in use, with its -wal and -shm
    yield made
    await records.close()


async def test_without_a_folder_for_them_no_file_is_read(tmp_path: Path) -> None:
    assert _agent_files(Settings("sqlite:////data/records.db", {}, 0)) is None
    sources = AgentSources(None, lambda: NOW)
    with pytest.raises(InvalidSource, match=r"EVALCAMPAIGN_AGENT_FILES.*is not set.*evalcampaign forward"):
        await sources.open(Agent(source="operatorDb", path=str(tmp_path / "operator.db")), "uid")


@pytest.mark.parametrize("beside", ["", "-wal", "-shm"])
async def test_the_records_are_refused_by_every_name(place: Place, beside: str) -> None:
    own = f"{place.records}{beside}"
    hard = place.agents / "hard.db"
    os.link(own, hard)
    assert "a file of this controller's own records" in await place.refused(hard)
    soft = place.agents / "soft.db"
    soft.symlink_to(own)
    assert "does not lie below" in await place.refused(soft)
    within = replace(place.policy, below="/")
    for path in (soft, hard, Path(own)):
        assert "own records" in str(path_refusal(within, path))


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal"])
async def test_an_agents_file_with_the_records_beside_it_is_refused(place: Place, beside: str) -> None:
    path = place.agents / "operator.db"
    AgentFile(path, wal=True)
    source = f"{place.records}{beside}"
    os.link(place.records if beside == "-journal" else source, f"{path}{beside}")
    assert "a file of this controller's own records" in await place.refused(path)


async def test_nothing_outside_the_folder_is_read_however_it_is_reached(place: Place) -> None:
    outside = place.data / "operator.db"
    AgentFile(outside)
    (place.agents / "link.db").symlink_to(outside)
    (place.agents / "folder").symlink_to(place.data)
    ways = ["link.db", "folder/operator.db", "../data/operator.db", "x/../../data/operator.db"]
    for path in (outside, *(place.agents / way for way in ways), Path("/etc/passwd"), Path(f"{place.agents}2/x.db")):
        assert "does not lie below" in await place.refused(path)


async def test_a_file_below_the_folder_is_read_also_by_a_link_that_stays_there(place: Place) -> None:
    AgentFile(place.agents / "operator.db").ticket(NOW.replace(tzinfo=None))
    (place.agents / "link.db").symlink_to("operator.db")
    for name in ("operator.db", "link.db"):
        sources = AgentSources(None, lambda: NOW, files=place.policy)
        opened = await sources.open(Agent(source="operatorDb", path=str(place.agents / name)), "uid")
        assert isinstance(opened, GuardedSource)
        source = opened.wrapped
        assert isinstance(source, OperatorDb)
        assert source._reader._process is None, "a campaign that waits has no process"
        assert len((await source.poll(NOTHING)).tickets) == 1
        await source.close()


async def test_a_link_that_is_put_there_later_is_refused_at_the_next_look(place: Place) -> None:
    path = place.agents / "operator.db"
    AgentFile(path).ticket(NOW.replace(tzinfo=None))
    looking = OperatorDb(path, ZoneInfo("UTC"), lambda: NOW, place.policy)
    assert len((await looking.poll(NOTHING)).tickets) == 1
    path.unlink()
    path.symlink_to(place.records)
    report = await looking.poll(NOTHING)
    assert report.error is not None and "does not lie below" in report.error
    path.unlink()
    os.link(place.records, path)
    report = await looking.poll(NOTHING)
    assert report.error is not None and "own records" in report.error


TRY = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    other.execute("BEGIN IMMEDIATE")
    print("taken")
except sqlite3.OperationalError as error:
    print(error)
"""


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_even_a_look_at_the_records_takes_no_lock_from_them(tmp_path: Path, mode: str) -> None:
    """Should a name of theirs come through once: it is another process that opens and closes them."""
    path, other = tmp_path / "records.db", tmp_path / "other.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute(f"PRAGMA journal_mode = {mode}")
        writer.execute("CREATE TABLE tickets (id TEXT PRIMARY KEY)")
        os.link(path, other)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO tickets VALUES ('x')")
        for name in (path, other):
            looking = OperatorDb(name, ZoneInfo("UTC"), lambda: NOW, FilePolicy())
            assert await looking.refusal() is None
            await looking.poll(NOTHING)
            await looking.close()
        tried = subprocess.run([sys.executable, "-c", TRY, str(path)], capture_output=True, text=True, check=True)  # noqa: ASYNC221
        assert tried.stdout.strip() == "database is locked"
        writer.execute("COMMIT")
