"""The data directory: one process at a time, and nothing forgotten that was told."""

from pathlib import Path
from typing import Any

import pytest

from standin.node import Fatal
from standin.shell import disk as disk_module
from standin.shell.disk import Disk


def read(folder: Path) -> Any:
    """What a process finds that starts now."""
    with Disk(folder) as disk:
        return disk.read()


def write(folder: Path, *facts: Any, state: Any = None) -> None:
    """A process that keeps these facts one by one, and ends."""
    with Disk(folder) as disk:
        disk.read()
        for fact in facts:
            disk.write([fact], lambda: state)


@pytest.fixture
def short_journals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module, "JOURNAL_BYTES", 50)


def test_a_folder_that_another_process_holds_is_refused(tmp_path: Path) -> None:
    with Disk(tmp_path), pytest.raises(Fatal, match="maybe another instance is using this directory"):
        Disk(tmp_path)
    assert read(tmp_path) == (None, [])


def test_facts_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path, ["a", 1], ["b", None])
    write(tmp_path, ["c", "ü"])
    assert read(tmp_path) == (None, [["a", 1], ["b", None], ["c", "ü"]])


def test_a_line_cut_short_by_a_kill_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, ["whole"])
    with (tmp_path / "journal").open("ab") as journal:
        journal.write(b'[0,["cut')
    assert read(tmp_path) == (None, [["whole"]])
    write(tmp_path, ["next"])
    assert read(tmp_path) == (None, [["whole"], ["next"]])


@pytest.mark.usefixtures("short_journals")
def test_a_long_journal_becomes_a_checkpoint_and_only_what_follows_is_replayed(tmp_path: Path) -> None:
    write(tmp_path, ["x" * 60], ["after"], state={"all": "of it"})
    assert read(tmp_path) == ({"all": "of it"}, [["after"]])


@pytest.mark.usefixtures("short_journals")
def test_a_kill_between_checkpoint_and_emptied_journal_replays_nothing_twice(tmp_path: Path) -> None:
    write(tmp_path, ["x" * 30])
    before = (tmp_path / "journal").read_bytes()
    write(tmp_path, ["y" * 60], state={"both": True})
    (tmp_path / "journal").write_bytes(before)
    assert read(tmp_path) == ({"both": True}, [])


def test_its_size_is_measured(tmp_path: Path) -> None:
    with Disk(tmp_path) as disk:
        disk.read()
        disk.write([["x" * 1000]], lambda: None)
        told = disk.measure()
    assert told["capacity"] >= told["available"] > told["used"] > 1000
