"""Subject locks: one campaign at a time breaks a subject, and after a crash it is still known which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from controller.records.rows import LockRow
from controller.records.schema import subject_locks


def take(connection: Connection, subject: str, campaign_uid: str, campaign: str, at: datetime) -> LockRow:
    """Take the lock if it is free; the row that holds it now. Needs a write transaction, which makes it atomic."""
    holder = _holder(connection, subject)
    if holder is not None:
        return holder
    connection.execute(
        subject_locks.insert().values(subject=subject, campaign_uid=campaign_uid, campaign=campaign, since=at)
    )
    return LockRow(subject=subject, campaign_uid=campaign_uid, campaign=campaign, since=at)


def hand_over(connection: Connection, campaign_uid: str, to_uid: str, to: str, at: datetime) -> bool:
    """Make the campaign's lock another's, who is `to` for people, so that nobody comes between. False without one."""
    held = update(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid)
    return connection.execute(held.values(campaign_uid=to_uid, campaign=to, since=at)).rowcount > 0


def release(connection: Connection, campaign_uid: str) -> None:
    """Let go of every lock of the campaign."""
    connection.execute(delete(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid))


def held_by(connection: Connection, campaign_uid: str) -> LockRow | None:
    """The lock that the campaign holds, if it does."""
    return next((lock for lock in all_locks(connection) if lock.campaign_uid == campaign_uid), None)


def all_locks(connection: Connection) -> list[LockRow]:
    """Every lock there is, by subject."""
    rows = connection.execute(select(subject_locks).order_by(subject_locks.c.subject)).mappings()
    return [LockRow(**row) for row in rows]


def _holder(connection: Connection, subject: str) -> LockRow | None:
    return next((lock for lock in all_locks(connection) if lock.subject == subject), None)
