"""How `python -m cluster` ends when it does not get to its end."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from cluster import __main__, lifecycle
from cluster.errors import SetupError
from cluster.settings import REPO


def ended(monkeypatch: pytest.MonkeyPatch, up: Callable[..., None]) -> object:
    """The exit status of `python -m cluster up` when that does what `up` does."""
    monkeypatch.setattr(lifecycle, "up", up)
    monkeypatch.setattr(sys, "argv", ["cluster", "up"])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    return end.value.code


def test_ctrl_c_says_that_one_may_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def up(*_: object) -> None:
        raise KeyboardInterrupt

    assert ended(monkeypatch, up) == 130
    assert "What was finished is kept" in capsys.readouterr().err


def test_a_command_that_ends_by_itself_on_ctrl_c_has_said_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    assert ended(monkeypatch, up) == 130
    assert capsys.readouterr().err == ""


def test_a_failure_is_a_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(*_: object) -> None:
        raise SetupError("no disk.", hint="another.")

    assert ended(monkeypatch, up) == 1
    assert capsys.readouterr().err == "\nno disk.\nWhat to try: another.\n"


@pytest.mark.parametrize(
    ("goal", "command"), [("cluster", "up"), ("deploy-etcd", "up"), ("deploy", "up --image"), ("e2e", "up --image")]
)
def test_make_has_the_image_built_beside_for_those_who_deploy_it(goal: str, command: str) -> None:
    command_line = ["make", "--no-print-directory", "-n", goal]
    # Where make runs the tests, what it was told would be taken for this one, too.
    told = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    ran = subprocess.run(command_line, cwd=REPO, env=told, capture_output=True, text=True, check=True)
    planned = ran.stdout
    assert planned.splitlines()[0].endswith(f" -m cluster {command}")
