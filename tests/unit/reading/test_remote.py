"""Who reads over HTTP reads the same as who has the database."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from controller.cli.analysis import arms
from controller.reading import database
from controller.reading.database import DatabaseReader
from controller.reading.protocol import RecordsReader
from controller.reading.remote import RemoteReader
from controller.records.errors import NotRecorded, RecordsError, RecordsUnavailable
from controller.records.schema import HEAD


def test_campaigns_with_all_their_counts_are_the_same(direct: DatabaseReader, remote: RemoteReader) -> None:
    assert remote.campaigns() == direct.campaigns()
    assert len(direct.campaigns()) == 3


@pytest.mark.parametrize("asked", ["demo", "default/demo", "uid-1", "leader-kill-at-night"])
def test_a_campaign_is_found_by_the_same_names(direct: DatabaseReader, remote: RemoteReader, asked: str) -> None:
    assert remote.find(asked) == direct.find(asked)


def test_attempts_and_their_stories_are_the_same(direct: DatabaseReader, remote: RemoteReader) -> None:
    campaign = direct.find("uid-1").campaign
    assert remote.attempts(campaign) == direct.attempts(campaign)
    assert remote.attempt(campaign, 2) == direct.attempt(campaign, 2)
    assert remote.attempt(campaign, 2, 1) == direct.attempt(campaign, 2, 1)


def test_all_attempts_come_whole_and_in_order_however_few_are_read_at_once(
    direct: DatabaseReader, remote: RemoteReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = direct.find("uid-1").campaign
    monkeypatch.setattr(database, "AT_ONCE", 2)
    told = list(remote.whole_attempts(campaign))
    assert [(each.attempt.trial, each.attempt.attempt) for each in told] == [(1, 1), (2, 1), (2, 2), (3, 1)]
    assert told == list(direct.whole_attempts(campaign))
    assert told[0].attempt.initial_state and told[0].events


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda reader, _: reader.find("nope"), "known are default/demo"),
        (lambda reader, campaign: reader.attempt(campaign, 9), "recorded (trial.attempt) are 1.1"),
    ],
)
def test_what_is_not_recorded_is_said_in_the_same_words(
    direct: DatabaseReader, remote: RemoteReader, ask: Callable[..., Any], named: str
) -> None:
    campaign = direct.find("uid-1").campaign
    said = []
    for reader in (direct, remote):
        with pytest.raises(NotRecorded) as caught:
            ask(reader, campaign)
        said.append(str(caught.value))
    assert said[0] == said[1] and named in said[0]


def test_a_backup_over_http_is_a_sound_database(remote: RemoteReader, tmp_path: Path) -> None:
    remote.backup(tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM campaigns").fetchone() == (3,)
    assert [path.name for path in tmp_path.iterdir()] == ["copy.db"]


def test_who_answers_says_its_version(remote: RemoteReader) -> None:
    assert remote.about()["schema"] == HEAD


def test_both_are_readers(direct: DatabaseReader, remote: RemoteReader) -> None:
    readers: list[RecordsReader] = [direct, remote]
    assert all(reader.campaigns() for reader in readers)


class Says:
    """Whoever dials gets these bytes, whatever is asked, and then the end."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.ends: list[socket.socket] = []

    def __call__(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(self.said)
        theirs.shutdown(socket.SHUT_WR)
        self.ends.append(theirs)
        return ours

    def close(self) -> None:
        for end in self.ends:
            end.close()


def test_an_answer_that_breaks_off_is_a_sentence_and_leaves_no_half_backup(tmp_path: Path) -> None:
    with closing(Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nSQLite format 3\0")) as cut_off:
        reader = RemoteReader(cut_off, "the port-forward to a-pod")
        with pytest.raises(RecordsUnavailable, match="cannot be read through the port-forward to a-pod"):
            reader.campaigns()
        with pytest.raises(RecordsUnavailable, match="broke off before its end"):
            reader.backup(tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_another_version_that_cannot_be_understood_is_said() -> None:
    with closing(Says(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n[{"uid": "u-1"}]')) as newer:
        reader = RemoteReader(newer, "the test")
        with pytest.raises(RecordsError, match="use the controller's own version"):
            reader.campaigns()
        reader.close()


def test_an_analysis_asks_for_numbers_alone_and_comes_to_the_same(
    url: str, remote: RemoteReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answer = RemoteReader._answer
    monkeypatch.setattr(
        RemoteReader,
        "_answer",
        lambda self, path, **query: asked.append(path) or answer(self, path, **query),  # type: ignore[func-returns-value]
    )
    monkeypatch.setattr(arms, "records", lambda db, context: nullcontext(DatabaseReader(db) if db else remote))
    assert arms.ArmRecords(None, None).arm("uid-1").trials == arms.ArmRecords(url, None).arm("uid-1").trials
    assert "/v1/campaigns/uid-1/attempts" in asked and not any("export" in path for path in asked)
