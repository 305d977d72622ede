"""How `python -m cluster` ends when it does not get to its end."""

import sys
from collections.abc import Callable

import pytest

from cluster import __main__, lifecycle
from cluster.errors import ClusterError


def ended(monkeypatch: pytest.MonkeyPatch, up: Callable[[], None]) -> object:
    """The exit status of `python -m cluster up` when that does what `up` does."""
    monkeypatch.setattr(lifecycle, "up", up)
    monkeypatch.setattr(sys, "argv", ["cluster", "up"])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    return end.value.code


def test_ctrl_c_says_that_one_may_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def up() -> None:
        raise KeyboardInterrupt

    assert ended(monkeypatch, up) == 130
    assert "What was finished is kept" in capsys.readouterr().err


def test_a_command_that_ends_by_itself_on_ctrl_c_has_said_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    assert ended(monkeypatch, up) == 130
    assert capsys.readouterr().err == ""


def test_a_failure_is_a_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up() -> None:
        raise ClusterError("no disk.", hint="another.")

    assert ended(monkeypatch, up) == 1
    assert capsys.readouterr().err == "\nno disk.\nWhat to try: another.\n"
