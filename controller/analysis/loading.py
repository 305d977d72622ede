"""Trials in bulk: one query, only the columns that statistics need, one row in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from controller.analysis.trial import Trial, count
from controller.api import Outcome
from controller.records.rows import AttemptRow, CampaignRow, Flag, counted
from controller.records.schema import trials

PORTION = 1000
"""Rows between two calls of `seen`."""


def load(connection: Connection, campaign: CampaignRow, seen: Callable[[int], None] = lambda _: None) -> list[Trial]:
    """The campaign's attempts that ended, by trial and attempt. `seen` hears now and then how many more were read."""
    # Commands lie behind both states in a row: where no agent is expected, reading them would read all that.
    commands: ColumnElement[Any] = trials.c.commands if campaign.mode.wants_agent else literal(None)
    c = trials.c
    query = select(
        *(c.trial, c.attempt, c.seed, c.outcome, c.chaos_injected_at, c.window_started_at, c.deadline_at),
        *(c.recovered_at, c.ticket_created_at, c.ticket_seen_at, c.resolved_at, c.resolution_seen_at, c.flags),
        commands.label("commands"),
    ).where(c.campaign_uid == campaign.uid, c.ended_at.is_not(None))
    found = []
    rows = connection.execution_options(yield_per=PORTION).execute(query.order_by(c.trial, c.attempt))
    for portion in rows.partitions():
        found += [_trial(row) for row in portion]
        seen(len(portion))
    return found


def ended(connection: Connection, campaign: CampaignRow) -> int:
    """How many there are to load."""
    query = select(func.count()).where(trials.c.campaign_uid == campaign.uid, trials.c.ended_at.is_not(None))
    return connection.scalar(query) or 0


def of_attempts(attempts: Iterable[AttemptRow]) -> list[Trial]:
    """The same of attempts that were read already, whole."""
    return [_trial(attempt) for attempt in attempts if attempt.outcome is not None]


def _trial(row: Any) -> Trial:
    """Of a row or an attempt: both have the columns as attributes."""
    start = row.chaos_injected_at or row.window_started_at
    flags = tuple(row.flags or ())

    def after(at: datetime | None) -> float | None:
        return (at - start).total_seconds() if at and start else None

    commands: list[Mapping[str, Any]] | None = row.commands
    return Trial(
        trial=row.trial,
        attempt=row.attempt,
        seed=row.seed,
        outcome=Outcome(row.outcome),
        window=after(row.deadline_at),
        recovered=after(row.recovered_at),
        detected=after(counted(row.ticket_created_at, row.ticket_seen_at, Flag.TICKET_SEEN_LATE in flags)),
        resolved=after(counted(row.resolved_at, row.resolution_seen_at, Flag.RESOLUTION_SEEN_LATE in flags)),
        commands=None if commands is None else count(commands),
        flags=flags,
    )
