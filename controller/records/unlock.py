"""Releases the lock on a subject or on an agent's Deployment by hand, also while a controller is running.

It is the only write that people make. SQLite lets a second process write: the controller's writer waits for it, as it
waits for a backup. One transaction needs no more than SQLite's own lock, so the file lock, which the controller holds,
is not acquired. The transaction checks that the lock is still the one that the person was shown and confirmed.
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
    """A lock and the campaign that holds it."""

    lock: LockRow
    campaign: CampaignRow

    @property
    def running(self) -> bool:
        """Whether the campaign has not ended, so that a controller may be breaking the subject now."""
        return not self.campaign.phase.terminal

    @property
    def doing(self) -> str:
        """The verb for what the campaign may be doing with what is locked."""
        return "using" if locks.is_workload(self.lock.subject) else "breaking"


def find_lock(connection: Connection, subject: str | None, campaign: str | None) -> HeldLock:
    """Returns the lock on `subject`, or the one that `campaign` has on its subject, or else on its agent.

    `subject` is `type/namespace`, or `deployment/namespace/name` of an agent; `campaign` is a name, `namespace/name` or
    uid. It is searched for among the locks and not among the campaigns, because a campaign that was created again under
    its old name holds none. Raises UnlockRefused, with the locks there are, where there is none or more than one.
    """
    everything = locks.all_locks(connection)
    found = [lock for lock in everything if lock.subject == subject or (campaign and _is_held_by(lock, campaign))]
    if len({lock.campaign_uid for lock in found}) == 1:  # its subject first: it is what people mean
        found = sorted(found, key=lambda lock: locks.is_workload(lock.subject))[:1]
    if len(found) != 1:
        problem = f"{subject!r} is not locked" if subject else f"campaign {campaign!r} holds nothing"
        if found:
            problem = f"campaign {campaign!r} could be any of several"
        there = "; ".join(f"{lock.subject} by campaign {lock.campaign}" for lock in everything)
        raise UnlockRefused(f"{problem}; locked are: {there or 'none'}")
    return _held(connection, found[0])


def unlock(url: str, lock: LockRow, at: datetime, force: bool) -> None:
    """Deletes this lock and says so in the campaign's message, in one transaction.

    With the lock on a subject it deletes the campaign's locks on agents' Deployments too; the reverse it does not.
    Raises UnlockRefused where the lock has changed or is gone, or where the campaign has not ended and `force` is
    False; RecordsUnavailable when the database cannot be written now. Nothing was changed then.
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
    """Raises UnlockRefused where the campaign has not ended."""
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
