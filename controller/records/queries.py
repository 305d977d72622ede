"""Read-only queries for the command line and the metrics, on a connection from `database.reading`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from controller.api import Phase, Step
from controller.records import campaigns as campaign_rows
from controller.records.attempts import SUMMARY, decode, decode_summary
from controller.records.errors import NotRecorded
from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow, Event, Tally
from controller.records.schema import attempt_events, attempts, campaigns
from controller.records.tally import Tallies

NEWEST_FIRST = (campaigns.c.created_at.desc(), campaigns.c.uid)


@dataclass(frozen=True, slots=True)
class CampaignMatch:
    """The campaign that a name stands for, and the `others` that have the same name, newest first."""

    campaign: CampaignRow
    others: tuple[CampaignRow, ...]


def list_campaigns(connection: Connection) -> list[tuple[CampaignRow, Tally]]:
    """Returns every campaign with its counts, newest first; deleted ones too."""
    return count(connection, _campaigns(connection))


def count(connection: Connection, rows: Sequence[CampaignRow]) -> list[tuple[CampaignRow, Tally]]:
    """Returns these campaigns, each with its counts."""
    tallies = Tallies()
    return [(row, tallies.of(connection, row.uid)) for row in rows]


def count_by_phase(connection: Connection) -> Mapping[tuple[str, Phase], int]:
    """Returns how many campaigns of each subject type are in each phase, without those whose object is gone."""
    c = campaigns.c
    query = select(c.subject, c.phase, func.count()).where(c.deleted_at.is_(None)).group_by(c.subject, c.phase)
    return {(subject, Phase(phase)): number for subject, phase, number in connection.execute(query)}


def find_campaign(connection: Connection, reference: str) -> CampaignMatch:
    """Returns the campaign with this uid, `namespace/name` or name; of several, the one created last.

    Several have the same name where an object was created again, or in two namespaces. Raises NotRecorded, with the
    names of the campaigns that are recorded, when there is none.
    """
    namespace, _, name = reference.rpartition("/")
    named = (
        and_(campaigns.c.name == name, campaigns.c.namespace == namespace) if namespace else campaigns.c.name == name
    )
    matching = _campaigns(connection, or_(campaigns.c.uid == reference, named))
    if not matching:
        known = list(dict.fromkeys(row.qualified_name for row in _campaigns(connection)))
        text = f"known are {_enumerate(known)}" if known else "there are none yet"
        raise NotRecorded(f"No campaign {reference!r} is recorded; {text}")
    return CampaignMatch(matching[0], tuple(matching[1:]))


def list_attempts(connection: Connection, campaign_uid: str) -> list[AttemptSummary]:
    """Returns summaries of the campaign's attempts, ordered by trial and attempt."""
    query = (
        select(*SUMMARY).where(attempts.c.campaign_uid == campaign_uid).order_by(attempts.c.trial, attempts.c.attempt)
    )
    return [decode_summary(row) for row in connection.execute(query).mappings()]


def list_whole_attempts(
    connection: Connection, campaign_uid: str, after: tuple[int, int], limit: int
) -> list[tuple[AttemptRow, list[Event]]]:
    """Returns at most `limit` of the campaign's attempts after this trial and attempt, each with all its events."""
    is_later = tuple_(attempts.c.trial, attempts.c.attempt) > after
    query = select(attempts).where(attempts.c.campaign_uid == campaign_uid, is_later)
    rows = connection.execute(query.order_by(attempts.c.trial, attempts.c.attempt).limit(limit)).mappings()
    return [(row, list_events(connection, row.id)) for row in map(decode, rows.all())]


def get_attempt(connection: Connection, campaign: CampaignRow, trial: int, attempt: int | None) -> AttemptRow:
    """Returns one attempt: the trial's last one where `attempt` is None. Raises NotRecorded, with those there are."""
    query = select(attempts).where(attempts.c.campaign_uid == campaign.uid, attempts.c.trial == trial)
    if attempt is not None:
        query = query.where(attempts.c.attempt == attempt)
    row = connection.execute(query.order_by(attempts.c.attempt.desc()).limit(1)).mappings().one_or_none()
    if row is None:
        there = [f"{row.trial}.{row.attempt}" for row in list_attempts(connection, campaign.uid)]
        wanted = f"trial {trial}" if attempt is None else f"attempt {attempt} of trial {trial}"
        text = f"recorded (trial.attempt) are {_enumerate(there)}" if there else "no trial of it has begun yet"
        raise NotRecorded(f"Campaign {campaign.name} has no {wanted}; {text}")
    return decode(row)


def list_events(connection: Connection, attempt_id: str) -> list[Event]:
    """Returns the attempt's events in the order in which they were written."""
    query = select(attempt_events).where(attempt_events.c.attempt_id == attempt_id).order_by(attempt_events.c.id)
    return [Event(Step(row.step), row.at, row.kind, row.detail) for row in connection.execute(query)]


def _campaigns(connection: Connection, which: ColumnElement[bool] | None = None) -> list[CampaignRow]:
    query = select(campaigns).order_by(*NEWEST_FIRST)
    if which is not None:
        query = query.where(which)
    return [campaign_rows.decode(row) for row in connection.execute(query).mappings()]


def _enumerate(names: list[str], limit: int = 20) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
