"""Stores campaigns: their rows and phases, the transfer of their locks, and the state of two interleaved arms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, or_, select, update

from controller.api import CampaignSpec, Controls, Mode, Phase, Reason
from controller.jsontypes import Json
from controller.records import arms, locks
from controller.records.arms import canonical_hash, comparison_hash
from controller.records.rows import TEXT_BYTES, CampaignRow, Tally
from controller.records.schema import attempts, campaigns, subject_locks
from controller.records.tally import Tallies
from controller.text import truncate_bytes

CREATED_WITHIN = timedelta(seconds=1)
"""Kubernetes says when an object was created in whole seconds, cut off."""


def ensure(
    connection: Connection, uid: str, namespace: str, name: str, spec: CampaignSpec, created_at: datetime
) -> CampaignRow:
    """Returns the campaign's row, and inserts it as Pending where there is none."""
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
    return existing(connection, uid)


def get(connection: Connection, uid: str) -> CampaignRow | None:
    """Returns the campaign's row, or None."""
    row = connection.execute(select(campaigns).where(campaigns.c.uid == uid)).mappings().one_or_none()
    return None if row is None else decode(row)


def unreleased(connection: Connection) -> list[CampaignRow]:
    """Returns the campaigns whose object is not known to be gone, or that still hold a subject; oldest first."""
    holds = campaigns.c.uid.in_(select(subject_locks.c.campaign_uid))
    query = select(campaigns).where(campaigns.c.deleted_at.is_(None) | holds)
    rows = connection.execute(query.order_by(campaigns.c.created_at, campaigns.c.uid)).mappings()
    return [decode(row) for row in rows]


def set_phase(
    connection: Connection, uid: str, phase: Phase, reason: str, message: str, at: datetime, keep_lock: bool
) -> CampaignRow:
    """Moves to a phase; see `Records.set_phase`."""
    row = existing(connection, uid)
    if row.phase.terminal:
        return row
    values: dict[str, Json] = {
        "phase": phase.value,
        "reason": truncate_bytes(reason, 1024),
        "message": truncate_bytes(message, TEXT_BYTES),
    }
    if phase is Phase.RUNNING and row.started_at is None:
        values["started_at"] = at
    if phase.terminal:
        values["finished_at"] = at
    if phase.releases_subject:
        _release(connection, row, at, keep_lock)
    connection.execute(update(campaigns).where(campaigns.c.uid == uid).values(values))
    return existing(connection, uid)


def fail_cleanup(connection: Connection, attempt_id: str, error: str, at: datetime) -> None:
    """Ends the attempt's campaign because a fault could not be reverted; its subject stays locked."""
    uid = connection.execute(select(attempts.c.campaign_uid).where(attempts.c.id == attempt_id)).scalar_one()
    row = existing(connection, uid)
    subject = f"{row.subject}/{row.subject_namespace}"
    message = f"{subject} stays locked until `evalcampaign unlock {subject}`: {error}"
    set_phase(connection, uid, Phase.FAILED, Reason.CLEANUP_FAILED, message, at, keep_lock=True)


def mark_deleted(connection: Connection, uid: str, at: datetime, keep_lock: bool) -> None:
    """Records that the object is gone, with the first time. Ends a campaign that had not ended."""
    row = get(connection, uid)
    if row is not None and not row.phase.terminal:
        set_phase(
            connection, uid, Phase.ABORTED, Reason.DELETED, "the campaign was deleted before it was done", at, keep_lock
        )
    connection.execute(
        update(campaigns).where(campaigns.c.uid == uid, campaigns.c.deleted_at.is_(None)).values(deleted_at=at)
    )
    if row is not None:
        _release(connection, row, at, keep_lock)


def members(connection: Connection, campaign: CampaignRow) -> list[CampaignRow]:
    """Returns the campaigns of the same namespace and group, itself included; none where it takes no turns.

    A group may be used again, so campaigns that ended before this one was created are left out. Creation times are
    whole seconds, so a campaign that ended in that same second is left out too: a wait for a partner that does not come
    costs a minute, and a partner that has ended costs all pairs.
    """
    if not (group := arms.group_of(campaign)):
        return []
    same_group = campaigns.c.spec["interleave"]["group"].as_string() == group
    unfinished = or_(campaigns.c.finished_at.is_(None), campaigns.c.finished_at >= campaign.created_at + CREATED_WITHIN)
    query = select(campaigns).where(campaigns.c.namespace == campaign.namespace, same_group, unfinished)
    return [decode(row) for row in connection.execute(query).mappings()]


def _transfer(connection: Connection, campaign: CampaignRow, to: CampaignRow, at: datetime) -> bool:
    """Transfers the campaign's locks in one statement; returns whether it had any and the other one can use them."""
    return to.phase.wants_subject and locks.transfer(connection, campaign.uid, to.uid, to.qualified_name, at)


def _release(connection: Connection, campaign: CampaignRow, at: datetime, keep_subject: bool) -> None:
    """Releases the locks on subject and agent, or transfers them to the other arm where that waits for them.

    With `keep_subject` it releases only the lock on the agent's Deployment, which a failed cleanup does not affect.
    """
    if keep_subject:
        return locks.release_workloads(connection, campaign.uid)
    partner = arms.partner_of(campaign, members(connection, campaign))
    if not (isinstance(partner, CampaignRow) and _transfer(connection, campaign, partner, at)):
        locks.release(connection, campaign.uid)


def note(connection: Connection, uid: str, what: str) -> None:
    """Puts a note before the campaign's message, on what people did to it after it had ended."""
    message = truncate_bytes(f"{what}; {existing(connection, uid).message}", TEXT_BYTES)
    connection.execute(update(campaigns).where(campaigns.c.uid == uid).values(message=message))


def decode(row: RowMapping) -> CampaignRow:
    """Returns the campaign of a row, which may hold further columns."""
    values = {column.name: row[column] for column in campaigns.c}
    return CampaignRow(**{**values, "mode": Mode(values["mode"]), "phase": Phase(values["phase"])})


def existing(connection: Connection, uid: str) -> CampaignRow:
    """Returns the campaign's row. Raises LookupError where there is none."""
    row = get(connection, uid)
    if row is None:
        raise LookupError(f"No campaign with uid {uid} is recorded")
    return row


@dataclass(frozen=True, slots=True)
class InterleavedArm:
    """A campaign that takes turns, and its attempts, counted."""

    campaign: CampaignRow
    tally: Tally

    @property
    def name(self) -> str:
        """The name of the arm."""
        return arms.arm_of(self.campaign)

    @property
    def title(self) -> str:
        """The campaign, as `namespace/name`."""
        return self.campaign.qualified_name


@dataclass(frozen=True, slots=True)
class Arms:
    """One campaign's view of its group. Without a `partner`, `no_partner` says why; without both it takes no turns."""

    mine: InterleavedArm
    partner: InterleavedArm | None = None
    no_partner: arms.NoPartner | None = None


def load_arms(connection: Connection, tallies: Tallies, campaign_uid: str) -> Arms:
    """Returns the campaign and its partner with their tallies; see `Records.arms`."""
    campaign = existing(connection, campaign_uid)
    found = arms.partner_of(campaign, members(connection, campaign))
    mine = InterleavedArm(campaign, tallies.of(connection, campaign_uid))
    if isinstance(found, CampaignRow):
        return Arms(mine, InterleavedArm(found, tallies.of(connection, found.uid)))
    return Arms(mine, no_partner=found)


def transfer_locks(connection: Connection, campaign_uid: str, to_uid: str, at: datetime) -> bool:
    """Transfers the locks to the other campaign; see `Records.transfer_locks`."""
    campaign, to = (existing(connection, uid) for uid in (campaign_uid, to_uid))
    return _transfer(connection, campaign, to, at)
