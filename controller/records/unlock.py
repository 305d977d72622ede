"""Letting go of a subject, or of an agent's Deployment, by hand: the one write that people make, beside a controller
that may be running.

SQLite lets a second process write for a moment: the controller's writer waits for it, as it waits for a backup. The
file lock is not taken, for that is the controller's, and this one transaction needs no more than SQLite's own lock.
What the person was shown is looked at again inside it: between the question and the answer the world goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from controller.records import campaigns, database, locks
from controller.records.errors import UnlockRefused
from controller.records.rows import CampaignRow, LockRow
from controller.text import utc_seconds


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock, and the campaign that holds it."""

    lock: LockRow
    campaign: CampaignRow

    @property
    def running(self) -> bool:
        """Whether the campaign has not ended: a controller may be breaking the subject at this moment."""
        return not self.campaign.phase.terminal

    @property
    def doing(self) -> str:
        """What its holder may be doing with it."""
        return "using" if locks.is_workload(self.lock.subject) else "breaking"


def find_lock(connection: Connection, subject: str | None, campaign: str | None) -> HeldLock:
    """The lock on `subject` (`type/namespace`, or `deployment/namespace/name` of an agent), or the one on its subject
    that is held by `campaign` (name, `namespace/name` or uid); where that has none, the one on its agent.

    Looked for among the locks, not among the campaigns: a campaign that was made again under its old name is not the
    one that holds anything. UnlockRefused, with the locks there are, where there is none or more than one.
    """
    everything = locks.all_locks(connection)
    found = [lock for lock in everything if lock.subject == subject or (campaign and _is_held_by(lock, campaign))]
    if len({lock.campaign_uid for lock in found}) == 1:  # its subject first: that is what people have in mind
        found = sorted(found, key=lambda lock: locks.is_workload(lock.subject))[:1]
    if len(found) != 1:
        problem = f"{subject!r} is not locked" if subject else f"campaign {campaign!r} holds nothing"
        if found:
            problem = f"campaign {campaign!r} could be any of several"
        there = "; ".join(f"{lock.subject} by campaign {lock.campaign}" for lock in everything)
        raise UnlockRefused(f"{problem}; locked are: {there or 'none'}")
    return _held(connection, found[0])


def unlock(url: str, lock: LockRow, at: datetime, force: bool) -> None:
    """Delete this very lock, in one transaction, and note it in the campaign's message. With the subject goes the
    agent's Deployment, not the other way about.

    Raises UnlockRefused where it is no longer there as it was seen, or where the campaign has not ended and `force` is
    False.
    RecordsUnavailable when the database cannot be written just now; nothing was changed then.
    """
    engine = database.writer(url)
    try:
        with database.translated_errors(), engine.begin() as connection:
            if lock not in locks.all_locks(connection):
                raise UnlockRefused(f"{lock.subject} is no longer locked as it was a moment ago; nothing was changed")
            if not force:
                refuse_running(_held(connection, lock))
            if locks.is_workload(lock.subject):
                locks.release_one(connection, lock)
                what = f"{lock.subject} unlocked by hand"
            else:
                locks.release(connection, lock.campaign_uid)
                what = "unlocked by hand"
            campaigns.note(connection, lock.campaign_uid, f"{what} at {utc_seconds(at)}")
    finally:
        engine.dispose()


def refuse_running(held: HeldLock) -> None:
    """Raise UnlockRefused where the campaign has not ended."""
    if held.running:
        raise UnlockRefused(
            f"campaign {held.lock.campaign} is {held.campaign.phase} and may be {held.doing} {held.lock.subject} at "
            "this moment; delete it and it lets go by itself (where no controller will ever run it again: --force)"
        )


def _held(connection: Connection, lock: LockRow) -> HeldLock:
    row = campaigns.get(connection, lock.campaign_uid)
    assert row is not None, "a lock refers to a campaign's row"
    return HeldLock(lock, row)


def _is_held_by(lock: LockRow, reference: str) -> bool:
    return reference in (lock.campaign_uid, lock.campaign, lock.campaign.partition("/")[2])
