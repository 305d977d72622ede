"""Campaigns: their row, their phase, and the hashes by which they are told apart and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from controller.api import CampaignSpec, ConditionType, Controls, Mode, Phase
from controller.records import locks
from controller.records.limits import cut
from controller.records.rows import CampaignRow, Json
from controller.records.schema import campaigns, subject_locks, trials

NOT_COMPARED = frozenset({"mode", "variant", "agent", "name", "seed", "trials"})
"""What may differ between two campaigns that are compared: who acts, and how often we looked.

So may the controls (`suspend` and its like), which may change while it runs: they are not even in the row.
"""

WAY_IN = frozenset({"endpoints", "tlsSecret"})
"""Of the subject, likewise: how it is reached. A system that moved to other URLs or got a new certificate is the same.

Namespace and selectors do count: they say which pods are broken and judged, and others are another system. So does
`probe`, which decides what counts as service.
"""

AS_BEFORE = {
    "reset": "heal",
    "allowQuorumLoss": False,
    "cooldownSeconds": 0,
    "activeDeadlineSeconds": 0,
    "dryRun": False,
    "confirmSeconds": 30,
}
DEADLINES_AS_BEFORE = {"attemptSeconds": 0}
SUBJECT_AS_BEFORE = {"probe": "none", "selectors": {}}
"""Fields that came later, each with the value that says what was done before: a campaign that does the same as one
recorded back then has the same hash."""


def ensure(
    connection: Connection, uid: str, namespace: str, name: str, spec: CampaignSpec, created_at: datetime
) -> CampaignRow:
    """The campaign's row; inserted as Pending when there is none."""
    known = get(connection, uid)
    if known is not None:
        return known
    stored = spec.model_dump(mode="json", by_alias=True, exclude=set(Controls.model_fields))
    connection.execute(
        campaigns.insert().values(
            uid=uid,
            namespace=namespace,
            name=name,
            subject=spec.subject.type,
            subject_namespace=spec.subject.namespace,
            chaos=spec.chaos.type,
            mode=spec.mode.value,
            variant=spec.variant.name or None,
            spec=stored,
            spec_hash=canonical_hash(stored),
            comparison_hash=comparison_hash(stored),
            phase=Phase.PENDING.value,
            reason="",
            message="",
            created_at=created_at,
        )
    )
    return _existing(connection, uid)


def get(connection: Connection, uid: str) -> CampaignRow | None:
    """The campaign's row, or None."""
    row = connection.execute(select(campaigns).where(campaigns.c.uid == uid)).mappings().one_or_none()
    return None if row is None else decode(row)


def unburied(connection: Connection) -> list[CampaignRow]:
    """The campaigns whose object is not known to be gone, or that still hold a subject; the oldest first."""
    holds = campaigns.c.uid.in_(select(subject_locks.c.campaign_uid))
    query = select(campaigns).where(campaigns.c.deleted_at.is_(None) | holds)
    rows = connection.execute(query.order_by(campaigns.c.created_at, campaigns.c.uid)).mappings()
    return [decode(row) for row in rows]


def set_phase(
    connection: Connection, uid: str, phase: Phase, reason: str, message: str, at: datetime, keep_lock: bool
) -> CampaignRow:
    """Move to a phase; see `Records.set_phase`."""
    row = _existing(connection, uid)
    if row.phase.terminal:
        return row
    values: dict[str, Json] = {"phase": phase.value, "reason": cut(reason, 1024), "message": cut(message)}
    if phase is Phase.RUNNING and row.started_at is None:
        values["started_at"] = at
    if phase.terminal:
        values["finished_at"] = at
    if phase.lets_go and not keep_lock:
        locks.release(connection, uid)
    connection.execute(update(campaigns).where(campaigns.c.uid == uid).values(values))
    return _existing(connection, uid)


def fail_dirty(connection: Connection, attempt_id: str, why: str, at: datetime) -> None:
    """End the attempt's campaign for a fault that could not be undone; its subject stays locked."""
    uid = connection.execute(select(trials.c.campaign_uid).where(trials.c.id == attempt_id)).scalar_one()
    row = _existing(connection, uid)
    subject = f"{row.subject}/{row.subject_namespace}"
    message = f"{subject} stays locked until `evalcampaign unlock {subject}`: {why}"
    set_phase(connection, uid, Phase.FAILED, ConditionType.CLEANUP_FAILED.value, message, at, keep_lock=True)


def mark_deleted(connection: Connection, uid: str, at: datetime, keep_lock: bool) -> None:
    """Note that the object is gone; the first time counts. A campaign that had not ended has now: nobody runs it."""
    row = get(connection, uid)
    if row is not None and not row.phase.terminal:
        set_phase(
            connection, uid, Phase.ABORTED, "Deleted", "the campaign was deleted before it was done", at, keep_lock
        )
    connection.execute(
        update(campaigns).where(campaigns.c.uid == uid, campaigns.c.deleted_at.is_(None)).values(deleted_at=at)
    )
    if not keep_lock:
        locks.release(connection, uid)


def note(connection: Connection, uid: str, what: str) -> None:
    """Put a note ahead of the campaign's message: what people did to it after it had ended."""
    message = cut(f"{what}; {_existing(connection, uid).message}")
    connection.execute(update(campaigns).where(campaigns.c.uid == uid).values(message=message))


def canonical_hash(value: Json) -> str:
    """SHA-256, in hex, of the value's canonical JSON: keys sorted, no blanks."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def comparison_hash(spec: Mapping[str, Json]) -> str:
    """The hash of what is compared of the spec."""
    return canonical_hash(compared(spec))


def compared(spec: Mapping[str, Json]) -> dict[str, Json]:
    """What must be equal for two campaigns to be compared: all of the spec, defaults filled in, but what may differ."""
    rest = _without(spec, NOT_COMPARED, AS_BEFORE)
    subject = _without(spec["subject"], WAY_IN, SUBJECT_AS_BEFORE)
    deadlines = _without(spec["deadlines"], (), DEADLINES_AS_BEFORE)
    return rest | {"subject": subject, "deadlines": deadlines}


def _without(part: Mapping[str, Json], left_out: Collection[str], as_before: Mapping[str, Json]) -> dict[str, Json]:
    said = {name: value for name, value in part.items() if name not in left_out}
    return {name: value for name, value in said.items() if name not in as_before or value != as_before[name]}


def decode(row: RowMapping) -> CampaignRow:
    """The row as a value. `row` may hold further columns."""
    values = {column.name: row[column] for column in campaigns.c}
    return CampaignRow(**{**values, "mode": Mode(values["mode"]), "phase": Phase(values["phase"])})


def _existing(connection: Connection, uid: str) -> CampaignRow:
    row = get(connection, uid)
    if row is None:
        raise LookupError(f"No campaign with uid {uid} is recorded")
    return row
