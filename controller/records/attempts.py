"""Writes and reads attempts: each is begun once, updated while it runs, and ended once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, Update, select, update

from controller.api import Failure, Mode, Outcome, Step
from controller.jsontypes import Json
from controller.meter import EndedAttempt
from controller.records.errors import AttemptEnded
from controller.records.rows import TEXT_BYTES, AttemptRow, AttemptSummary, Event, Flag, command_columns, cut_detail
from controller.records.schema import attempt_events, attempts, campaigns
from controller.text import truncate_bytes

IDS = uuid.UUID("6cf29fa1-40cf-4e43-99f6-0c1c1ccfd3ba")
"""The name space of attempt ids. It never changes, so that a repeated insert has the id of the first."""

OPENED, ENTERED, ENDED = "opened", "step", "ended"
"""The kinds of the events that this module adds to those of its callers."""

SUMMARY = [attempts.c[name] for name in AttemptSummary.__dataclass_fields__]
"""The columns of an AttemptSummary: all columns but the large ones."""


def attempt_id(campaign_uid: str, trial: int, attempt: int) -> str:
    """Returns the id of an attempt. Pure, so that every process computes the same."""
    return str(uuid.uuid5(IDS, f"{campaign_uid}/{trial}/{attempt}"))


def begin(
    connection: Connection, campaign_uid: str, trial: int, seed: int, at: datetime, flags: Sequence[Flag] = ()
) -> AttemptRow:
    """Inserts the trial's next attempt; see `Records.open_attempt`."""
    for other in unfinished(connection, campaign_uid):
        raise RuntimeError(f"Attempt {other.attempt} of trial {other.trial} is not ended: one at a time")
    earlier = connection.execute(
        select(attempts.c.attempt, attempts.c.outcome).where(
            attempts.c.campaign_uid == campaign_uid, attempts.c.trial == trial
        )
    ).all()
    for number, outcome in earlier:
        if final(Outcome(outcome)):
            raise RuntimeError(f"Trial {trial} has its outcome already: {outcome}, by attempt {number}")
    number = max((number for number, _ in earlier), default=0) + 1
    id_ = attempt_id(campaign_uid, trial, number)
    connection.execute(
        attempts.insert().values(
            id=id_,
            campaign_uid=campaign_uid,
            trial=trial,
            attempt=number,
            seed=seed,
            step=Step.RESET.value,
            started_at=at,
            flags=list(flags) or None,
        )
    )
    _add_events(connection, id_, [Event(Step.RESET, at, OPENED, {"trial": trial, "attempt": number, "seed": seed})])
    row = connection.execute(select(attempts).where(attempts.c.id == id_)).mappings().one()
    return decode(row)


def update_open(
    connection: Connection,
    id_: str,
    at: datetime,
    step: Step | None,
    events: Sequence[Event],
    facts: Mapping[str, Json],
) -> None:
    """Writes columns, step and events of an attempt that has not ended; see `Records.update`."""
    values = dict(facts)
    if values.get("error") is not None:
        values["error"] = truncate_bytes(values["error"], TEXT_BYTES)
    if "commands" in values:
        values |= command_columns(values["commands"])
    if step is not None:
        values["step"] = step.value
        events = [Event(step, at, ENTERED), *events]
    # Without a column to set, the statement still checks that the attempt is open.
    statement = _open(id_).values(values or {"id": id_})
    if connection.execute(statement).rowcount == 0:
        raise AttemptEnded(f"Attempt {id_} ended {_outcome(connection, id_)}; it does not change any more")
    _add_events(connection, id_, events)


def end(
    connection: Connection,
    id_: str,
    outcome: Outcome,
    at: datetime,
    error: str | None,
    failure: Failure | None,
    events: Sequence[Event],
) -> bool:
    """Writes the outcome if there is none; see `Records.end_attempt`."""
    values: dict[str, Json] = {"outcome": outcome.value, "ended_at": at, "step": Step.RECORD.value}
    if error is not None:
        values["error"] = truncate_bytes(error, TEXT_BYTES)
    if connection.execute(_open(id_).values(values)).rowcount == 0:
        _outcome(connection, id_)
        return False
    closing = {"outcome": outcome.value, "error": values.get("error"), "failure": failure and failure.value}
    detail = {name: value for name, value in closing.items() if value is not None}
    _add_events(connection, id_, [*events, Event(Step.RECORD, at, ENDED, detail)])
    return True


def ended(connection: Connection, id_: str, failure: Failure | None, cleanup_failed: bool) -> EndedAttempt:
    """Returns what a meter counts of an attempt that has just ended."""
    row = decode_summary(connection.execute(select(*SUMMARY).where(attempts.c.id == id_)).mappings().one())
    c = campaigns.c
    campaign = connection.execute(select(c.subject, c.chaos, c.mode).where(c.uid == row.campaign_uid)).one()
    assert row.outcome is not None and row.ended_at is not None, "it has ended"
    return EndedAttempt(
        id=id_,
        at=row.ended_at,
        subject=campaign.subject,
        chaos=campaign.chaos,
        mode=Mode(campaign.mode),
        outcome=row.outcome,
        time_to_recover=row.time_to_recover,
        time_to_detect=row.time_to_detect,
        failure=failure,
        cleanup_failed=cleanup_failed,
    )


def unfinished(connection: Connection, campaign_uid: str) -> list[AttemptRow]:
    """Returns the campaign's attempts that have not ended; the schema allows one at most."""
    query = select(attempts).where(attempts.c.campaign_uid == campaign_uid, attempts.c.ended_at.is_(None))
    return [decode(row) for row in connection.execute(query).mappings()]


def time_spent(connection: Connection, campaign_uid: str) -> timedelta:
    """Returns how long the campaign's ended attempts have taken in all, cleanup included."""
    query = select(attempts.c.started_at, attempts.c.ended_at).where(
        attempts.c.campaign_uid == campaign_uid, attempts.c.ended_at.is_not(None)
    )
    return sum((ended - started for started, ended in connection.execute(query)), timedelta())


def final(outcome: Outcome) -> bool:
    """Returns whether this outcome ends the trial: it is not repeated, and was not aborted."""
    return not outcome.repeated and outcome is not Outcome.ABORTED


def decode(row: RowMapping) -> AttemptRow:
    """Returns the attempt of a row."""
    return AttemptRow(**_typed(row))


def decode_summary(row: RowMapping) -> AttemptSummary:
    """Returns the attempt's summary of a row that was selected as SUMMARY."""
    return AttemptSummary(**_typed(row))


def _typed(row: RowMapping) -> dict[str, Json]:
    outcome = row["outcome"]
    flags = [Flag(flag) for flag in row["flags"] or ()]
    return {**row, "step": Step(row["step"]), "outcome": None if outcome is None else Outcome(outcome), "flags": flags}


def _open(id_: str) -> Update:
    return update(attempts).where(attempts.c.id == id_, attempts.c.ended_at.is_(None))


def _outcome(connection: Connection, id_: str) -> str:
    row = connection.execute(select(attempts.c.outcome).where(attempts.c.id == id_)).one_or_none()
    if row is None:
        raise LookupError(f"No attempt with id {id_} is recorded")
    return str(row.outcome)


def _add_events(connection: Connection, id_: str, events: Sequence[Event]) -> None:
    if events:
        connection.execute(
            attempt_events.insert(),
            [
                {"attempt_id": id_, "step": e.step.value, "at": e.at, "kind": e.kind, "detail": cut_detail(e.detail)}
                for e in events
            ],
        )
