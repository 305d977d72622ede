"""Locks: one campaign at a time breaks a subject or runs an agent, and after a crash it is still known which.

A campaign takes everything that it needs in one transaction, or nothing: who waits holds nothing, so that no two
campaigns can wait for each other (docs/decisions/045-an-agents-workload-has-a-lock.md).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from controller.records.rows import LockRow
from controller.records.schema import subject_locks

WORKLOAD = "deployment/"
"""What the key of an agent's Deployment begins with; no type of subject has a slash in its name."""


def subject_key(type_: str, namespace: str) -> str:
    """The key of a subject: `type/namespace`. Pure."""
    return f"{type_}/{namespace}"


def workload_key(namespace: str, name: str) -> str:
    """The key of an agent's Deployment: `deployment/namespace/name`. Pure."""
    return f"{WORKLOAD}{namespace}/{name}"


def is_workload(key: str) -> bool:
    """Whether the key is that of an agent's Deployment, and of no subject. Pure."""
    return key.startswith(WORKLOAD) and key.count("/") == 2


def take(
    connection: Connection, subject: str, workloads: Collection[str], campaign_uid: str, campaign: str, at: datetime
) -> LockRow:
    """Take exactly these locks, if each of them is free or the campaign's; else none, and let go of those it has.

    Returns the campaign's lock on the subject; where it got none, the first that is another's, the subject's ahead of
    a Deployment's. Needs a write transaction, which makes it atomic.
    """
    keys, there = {subject, *workloads}, all_locks(connection)
    others = [lock for lock in there if lock.subject in keys and lock.campaign_uid != campaign_uid]
    mine = {lock.subject for lock in there if lock.campaign_uid == campaign_uid}
    needed = set() if others else keys
    _delete(connection, campaign_uid, mine - needed)
    for key in sorted(needed - mine):
        row = {"subject": key, "campaign_uid": campaign_uid, "campaign": campaign, "since": at}
        connection.execute(subject_locks.insert().values(row))
    decisive = others or [lock for lock in all_locks(connection) if lock.campaign_uid == campaign_uid]
    return min(decisive, key=lambda lock: lock.subject != subject)


def hand_over(connection: Connection, campaign_uid: str, to_uid: str, to: str, at: datetime) -> bool:
    """Make all the campaign's locks another's, who is `to` for people, so that nobody comes between. False without one.

    One statement: the subject and the agents' Deployments change hands together.
    """
    held = update(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid)
    return connection.execute(held.values(campaign_uid=to_uid, campaign=to, since=at)).rowcount > 0


def release(connection: Connection, campaign_uid: str) -> None:
    """Let go of every lock of the campaign."""
    connection.execute(delete(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid))


def release_one(connection: Connection, lock: LockRow) -> None:
    """Let go of this lock alone."""
    _delete(connection, lock.campaign_uid, [lock.subject])


def release_workloads(connection: Connection, campaign_uid: str) -> None:
    """Let go of the agents' Deployments, and keep the subject: what is left in it is not the agent's business."""
    held = [lock.subject for lock in all_locks(connection) if lock.campaign_uid == campaign_uid]
    _delete(connection, campaign_uid, [key for key in held if is_workload(key)])


def subject_held_by(connection: Connection, campaign_uid: str) -> LockRow | None:
    """The lock on its subject that the campaign holds, if it does."""
    held = (lock for lock in all_locks(connection) if lock.campaign_uid == campaign_uid)
    return next((lock for lock in held if not is_workload(lock.subject)), None)


def all_locks(connection: Connection) -> list[LockRow]:
    """Every lock there is, by subject."""
    rows = connection.execute(select(subject_locks).order_by(subject_locks.c.subject)).mappings()
    return [LockRow(**row) for row in rows]


def _delete(connection: Connection, campaign_uid: str, keys: Collection[str]) -> None:
    if keys:
        mine = subject_locks.c.campaign_uid == campaign_uid
        connection.execute(delete(subject_locks).where(mine, subject_locks.c.subject.in_(keys)))
