from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


def test_a_backup_reads_like_the_records(run: Run, tmp_path: Path) -> None:
    result = run("backup", str(tmp_path / "copy.db"))
    assert result.exit_code == 0 and "the copy is sound" in result.stdout
    copy = run("list", "-o", "json", db=f"sqlite:///{tmp_path}/copy.db")
    assert json.loads(copy.stdout) == json.loads(run("list", "-o", "json").stdout)


def test_a_file_that_exists_is_replaced_only_by_force(run: Run, tmp_path: Path) -> None:
    destination = tmp_path / "copy.db"
    destination.write_text("precious")
    refused = run("backup", str(destination))
    assert (refused.exit_code, refused.stderr) == (1, f"{destination} exists already; --force replaces it\n")
    assert destination.read_text() == "precious"
    assert run("backup", str(destination), "--force").exit_code == 0
    assert destination.read_bytes().startswith(b"SQLite format 3\0")


def test_a_dash_writes_the_copy_to_stdout(run: Run, tmp_path: Path) -> None:
    result = run("backup", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    (tmp_path / "copy.db").write_bytes(result.stdout_bytes)
    copy = run("trials", "uid-1", "-o", "json", db=f"sqlite:///{tmp_path}/copy.db")
    assert len(json.loads(copy.stdout)) == 4


def test_a_backup_of_nothing_and_to_nowhere_is_said(run: Run, tmp_path: Path) -> None:
    missing = run("backup", str(tmp_path / "copy.db"), db=f"sqlite:///{tmp_path}/none.db")
    assert missing.exit_code == 1 and "There are no records" in missing.stderr
    nowhere = run("backup", str(tmp_path / "no-such-folder" / "copy.db"))
    assert nowhere.exit_code == 1 and "No such file or directory" in nowhere.stderr


def test_without_a_folder_for_temporary_files_stdout_backups_say_what_to_set(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", none)
    result = run("backup", "-")
    assert result.exit_code == 1 and "set TMPDIR" in result.stderr
