"""What a person reads when something fails."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from cluster import run
from cluster.docker import dockerd
from cluster.errors import SetupError


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run, "LOGS", tmp_path)
    return tmp_path


def test_a_failure_says_what_how_it_ended_where_the_log_is_and_what_to_try() -> None:
    script = "print(*range(100), sep='\\n'); raise SystemExit(3)"
    with pytest.raises(SetupError) as failure:
        run.logged([sys.executable, "-c", script], "counting", hint="count less.")
    said = str(failure.value)
    assert said.startswith("counting failed (exit 3).")
    assert "\n  99\n" in said
    assert "\n  10\n" not in said
    assert f"The whole output: {failure.value.log}" in said
    assert said.endswith("What to try: count less.")
    assert failure.value.log is not None
    assert failure.value.log.read_text().startswith("0\n1\n")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SetupError, match="no-such-program is not installed"):
        run.logged(["no-such-program"], "trying")


def test_a_question_that_takes_too_long_is_answered_with_124() -> None:
    done = run.attempt([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.05)
    assert (done.returncode, done.stderr) == (124, "no answer within 0.05 s")


def test_a_question_to_a_program_that_is_not_there_is_answered_with_127() -> None:
    assert run.attempt(["no-such-program"]).returncode == 127


def test_root_needs_no_sudo_and_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert run.as_root(["id"]) == ["id"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/sudo")
    assert run.as_root(["id"]) == ["sudo", "id"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SetupError, match="needs root"):
        run.as_root(["id"])


def test_what_dockerd_complains_of_is_not_buried_in_its_chatter() -> None:
    said = 'level=warning msg="a"\ntime="t" level=info msg="b"\nfailed to start daemon: c\n'
    assert dockerd.error_lines(said).splitlines() == ['level=warning msg="a"', "failed to start daemon: c"]
