"""Locks on subjects and on agents' Deployments: one campaign at a time has each. They outlive a crash.

A campaign acquires all the locks that it needs in one transaction, or none. A campaign that waits holds none, so no two
campaigns can wait for each other (docs/decisions/045-an-agents-workload-has-a-lock.md).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from controller.records.rows import LockRow
from controller.records.schema import subject_locks

WORKLOAD = "deployment/"
"""The prefix of the key of an agent's Deployment. No type of subject has a slash in its name."""


def subject_key(type_: str, namespace: str) -> str:
    """Returns the key of a subject: `type/namespace`. Pure."""
    return f"{type_}/{namespace}"


def workload_key(namespace: str, name: str) -> str:
    """Returns the key of an agent's Deployment: `deployment/namespace/name`. Pure."""
    return f"{WORKLOAD}{namespace}/{name}"


def is_workload(key: str) -> bool:
    """Returns whether the key is that of an agent's Deployment and not of a subject. Pure."""
    return key.startswith(WORKLOAD) and key.count("/") == 2


def acquire(
    connection: Connection, subject: str, workloads: Collection[str], campaign_uid: str, campaign: str, at: datetime
) -> LockRow:
    """Acquires exactly these locks if each is free or the campaign's own; else releases all that it has.

    Returns the campaign's lock on the subject. Where it got none, it returns one that another campaign has: that on
    the subject, or else that on a Deployment. Needs a write transaction, which makes it atomic.
    """
    keys, held = {subject, *workloads}, all_locks(connection)
    others = [lock for lock in held if lock.subject in keys and lock.campaign_uid != campaign_uid]
    mine = {lock.subject for lock in held if lock.campaign_uid == campaign_uid}
    needed = set() if others else keys
    _delete(connection, campaign_uid, mine - needed)
    for key in sorted(needed - mine):
        row = {"subject": key, "campaign_uid": campaign_uid, "campaign": campaign, "since": at}
        connection.execute(subject_locks.insert().values(row))
    decisive = others or [lock for lock in all_locks(connection) if lock.campaign_uid == campaign_uid]
    return min(decisive, key=lambda lock: lock.subject != subject)


def transfer(connection: Connection, campaign_uid: str, to_uid: str, to: str, at: datetime) -> bool:
    """Transfers all the campaign's locks to another campaign, `to` (`namespace/name`); returns whether it had any.

    One statement transfers the subject and the agents' Deployments together, so that no third campaign gets one.
    """
    held = update(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid)
    return connection.execute(held.values(campaign_uid=to_uid, campaign=to, since=at)).rowcount > 0


def release(connection: Connection, campaign_uid: str) -> None:
    """Releases every lock of the campaign."""
    connection.execute(delete(subject_locks).where(subject_locks.c.campaign_uid == campaign_uid))


def release_one(connection: Connection, lock: LockRow) -> None:
    """Releases this lock alone."""
    _delete(connection, lock.campaign_uid, [lock.subject])


def release_workloads(connection: Connection, campaign_uid: str) -> None:
    """Releases the campaign's locks on agents' Deployments, and keeps that on its subject."""
    held = [lock.subject for lock in all_locks(connection) if lock.campaign_uid == campaign_uid]
    _delete(connection, campaign_uid, [key for key in held if is_workload(key)])


def subject_held_by(connection: Connection, campaign_uid: str) -> LockRow | None:
    """Returns the campaign's lock on its subject; None where it has none."""
    held = (lock for lock in all_locks(connection) if lock.campaign_uid == campaign_uid)
    return next((lock for lock in held if not is_workload(lock.subject)), None)


def all_locks(connection: Connection) -> list[LockRow]:
    """Returns every lock there is, ordered by key."""
    rows = connection.execute(select(subject_locks).order_by(subject_locks.c.subject)).mappings()
    return [LockRow(**row) for row in rows]


def _delete(connection: Connection, campaign_uid: str, keys: Collection[str]) -> None:
    if keys:
        mine = subject_locks.c.campaign_uid == campaign_uid
        connection.execute(delete(subject_locks).where(mine, subject_locks.c.subject.in_(keys)))
