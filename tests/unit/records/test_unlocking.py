"""The one write that is made beside a running controller."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from controller.api import Outcome, Phase
from controller.records import Records, RecordsUnavailable
from controller.records.errors import UnlockRefused
from controller.records.unlock import unlock
from tests.unit.records.samples import at, spec

SUBJECT = "etcd/etcd-lab"


@pytest.fixture
async def locked(records: Records) -> Records:
    """The campaign uid-1 holds its subject, because its fault could not be undone."""
    await records.acquire_locks(SUBJECT, "uid-1", "default/demo", at(1))
    row = await records.open_attempt("uid-1", 1, 1, at(2))
    await records.end_attempt(row.id, Outcome.NOT_HEALED, at=at(3), cleanup_failed="it will not go")
    return records


async def test_the_controller_sees_at_once_that_the_subject_is_free_and_reads_why(locked: Records, url: str) -> None:
    lock = await locked.lock_of("uid-1")
    assert lock is not None
    await asyncio.to_thread(unlock, url, lock, at(60), False)
    await locked.ensure_campaign("uid-2", "default", "next", spec(), at(61))
    assert (await locked.acquire_locks(SUBJECT, "uid-2", "default/next", at(62))).campaign_uid == "uid-2"
    row = await locked.get_campaign("uid-1")
    assert row is not None and (row.phase, row.reason) == (Phase.FAILED, "CleanupFailed")
    assert row.message.startswith("unlocked by hand at 2025-03-04T05:07:07Z; ")
    assert row.message.endswith("it will not go")


async def test_a_lock_that_was_taken_anew_meanwhile_is_not_the_one_that_was_shown(locked: Records, url: str) -> None:
    shown = await locked.lock_of("uid-1")
    assert shown is not None
    await locked.mark_deleted("uid-1", at(5))
    await locked.ensure_campaign("uid-2", "default", "next", spec(), at(6))
    await locked.acquire_locks(SUBJECT, "uid-2", "default/next", at(7))
    with pytest.raises(UnlockRefused, match="no longer locked as it was"):
        await asyncio.to_thread(unlock, url, shown, at(60), True)
    assert await locked.lock_of("uid-2") is not None


async def test_a_campaign_that_has_not_ended_is_refused_in_the_same_transaction(records: Records, url: str) -> None:
    lock = await records.acquire_locks(SUBJECT, "uid-1", "default/demo", at(1))
    with pytest.raises(UnlockRefused, match="is Pending"):
        await asyncio.to_thread(unlock, url, lock, at(2), False)
    assert await records.lock_of("uid-1") == lock


async def test_while_the_database_is_written_by_another_for_long_nothing_is_changed(
    locked: Records, url: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.records.database.BUSY_SECONDS", 0.05)
    lock = await locked.lock_of("uid-1")
    assert lock is not None
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable, match="locked"):
            await asyncio.to_thread(unlock, url, lock, at(60), False)
    assert await locked.lock_of("uid-1") == lock


async def test_a_deleted_campaign_may_keep_its_lock_and_is_then_still_to_be_buried(locked: Records) -> None:
    await locked.ensure_campaign("uid-2", "default", "gone", spec(), at(1))
    await locked.mark_deleted("uid-2", at(5), keep_lock=True)
    await locked.mark_deleted("uid-1", at(5), keep_lock=True)
    assert [row.uid for row in await locked.unreleased()] == ["uid-1"]
    await locked.mark_deleted("uid-1", at(6))
    assert await locked.unreleased() == []
