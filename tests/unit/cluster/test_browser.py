from __future__ import annotations

import shutil

import pytest

from cluster import browser
from cluster.errors import SetupError
from cluster.node import debian


def test_one_that_is_here_is_taken_and_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name == "google-chrome" else None)
    monkeypatch.setattr(debian, "install", lambda *_: pytest.fail("nothing is missing"))
    assert browser.ensure() == "/bin/google-chrome"


def test_where_none_can_be_had_it_is_said_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: str) -> None:
        raise SetupError("no mirror answers")

    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(debian, "install", refuse)
    assert browser.ensure() is None
    said = "".join(capsys.readouterr())
    assert "no mirror answers" in said and "will be skipped" in said
