"""Where output goes may be closed, full or a pipe: a sentence at most, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

COMMANDS = [["list"], ["trials", "uid-1"], ["show", "uid-1", "-t", "1"], ["export", "uid-1"], ["--help"]]


def _start(arguments: list[str], db: str, **streams: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "controller.cli", *arguments]
    env = {**os.environ, "EVALCAMPAIGN_DB": db}
    return subprocess.Popen(command, env=env, text=True, **{"stderr": subprocess.PIPE, **streams})  # type: ignore[call-overload]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_pipe_that_nobody_reads_ends_it_without_a_word(seeded: str, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = _start(arguments, seeded, stdout=writing)
    os.close(writing)
    assert (command.communicate()[1], command.returncode) == ("", 1)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_full_disk_is_a_sentence(seeded: str, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        command = _start(arguments, seeded, stdout=full.fileno())
        said = command.communicate()[1]
    assert (said, command.returncode) == ("The output could not be written: No space left on device\n", 1)


def test_a_closed_descriptor_takes_what_is_written(seeded: str) -> None:
    env = {**os.environ, "EVALCAMPAIGN_DB": seeded, "PYTHON": sys.executable}
    closed = subprocess.run(
        ["sh", "-c", '"$PYTHON" -m controller.cli list >&-'], env=env, capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stderr) == (0, "")


def test_no_line_of_a_piped_table_ends_in_blanks(run: Run) -> None:
    for arguments in (["list"], ["trials", "uid-1"], ["analyze", "uid-1"]):
        shown = run(*arguments, columns=None).stdout
        assert shown and [line for line in shown.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://me:secret@localhost/x", "need the package psycopg, which is not installed"),
        ("nonsense://me:secret@localhost/x", "No database is known by the name 'nonsense'"),
        ("postgresql://me:secret@localhost:port/x", "is no database URL"),
        ("me:secret@localhost", "is no database URL"),
    ],
)
def test_a_database_that_cannot_be_had_is_a_sentence_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    result = run("list", db=url)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert sentence in result.stderr
    assert "secret" not in result.stderr or "://" not in url


def test_a_report_and_a_backup_leave_devices_alone(run: Run, tmp_path: Path) -> None:
    refused = run("backup", "/dev/null", "--force")
    assert refused.exit_code == 1 and "no regular file" in refused.stderr
    assert Path("/dev/null").is_char_device()
