"""Subject locks: one campaign at a time breaks a subject, and after a crash it is still known which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

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


def release(connection: Connection, campaign_uid: str) -> None:
    """Let go of every lock of the campaign."""
    connection.execute(delete(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid))


def held_by(connection: Connection, campaign_uid: str) -> bool:
    """Whether the campaign holds a lock."""
    query = select(subject_locks.c.subject).where(subject_locks.c.campaign_uid == campaign_uid)
    return connection.execute(query).first() is not None


def _holder(connection: Connection, subject: str) -> LockRow | None:
    row = connection.execute(select(subject_locks).where(subject_locks.c.subject == subject)).mappings().one_or_none()
    return None if row is None else LockRow(**row)
