"""Loads a campaign's trials in bulk, with one query that an index answers alone, some rows at a time.

A hundred thousand trials have a million times. So the columns are read as the database stores them, and this module
decodes only the values that are needed, in one pass.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Connection, Select, String, func, select, type_coerce

from controller.analysis.trial import Trial
from controller.api import Outcome
from controller.records.rows import AttemptSummary, CampaignRow, CommandCounts, Flag, command_columns, counted_time
from controller.records.schema import attempts

fromisoformat = datetime.fromisoformat
OUTCOMES: Mapping[str, Outcome] = {outcome.value: outcome for outcome in Outcome}
NO_FLAGS = "[]"
"""The stored flags of an attempt without flags, in SQLite. Nearly all attempts have none."""

BATCH_ROWS = 1000
"""Rows between two calls of `advance`."""

STORED = (
    *("trial", "attempt", "seed", "outcome", "chaos_injected_at", "window_started_at", "deadline_at", "recovered_at"),
    *("ticket_created_at", "ticket_seen_at", "resolved_at", "resolution_seen_at", "flags", "false_alarms"),
)
"""The columns, in the order of the parameters of `_trial`. The columns of `command_columns` follow them."""


def load(connection: Connection, campaign: CampaignRow, advance: Callable[[int], None] = lambda _: None) -> list[Trial]:
    """Returns the campaign's attempts that ended, sorted by trial and attempt.

    `advance` is called after each batch, with the number of rows in it.
    """
    trials: list[Trial] = []
    to_trial: Callable[..., Trial] = _trial
    with _garbage_collection_paused():
        rows = connection.execution_options(yield_per=BATCH_ROWS).execute(query(campaign))
        for batch in rows.partitions():
            trials += [to_trial(*row) for row in batch]
            advance(len(batch))
    trials.sort(key=lambda trial: (trial.trial, trial.attempt))
    return trials


def query(campaign: CampaignRow) -> Select[Any]:
    """Returns the query of `load`. It is unordered: to sort, SQLite would use another index and read all rows."""
    columns: list[ColumnElement[Any]] = [
        type_coerce(attempts.c[name], String) for name in (*STORED, *command_columns(None))
    ]
    ended = (attempts.c.campaign_uid == campaign.uid) & attempts.c.ended_at.is_not(None)
    return select(*columns).where(ended)


def ended(connection: Connection, campaign: CampaignRow) -> int:
    """Returns the number of attempts that `load` returns."""
    statement = select(func.count()).where(attempts.c.campaign_uid == campaign.uid, attempts.c.ended_at.is_not(None))
    return connection.scalar(statement) or 0


def of_attempts(attempts: Iterable[AttemptSummary]) -> list[Trial]:
    """Returns the trials of attempts that were read already. Attempts without an outcome are skipped."""
    names = (*STORED, *command_columns(None))
    return [_trial(*(getattr(row, name) for name in names)) for row in attempts if row.outcome is not None]


def _trial(
    trial: int,
    attempt: int,
    seed: int,
    outcome: str,
    injected: Any,
    began: Any,
    deadline: Any,
    recovered: Any,
    ticket_own: Any,
    ticket_seen: Any,
    resolved_own: Any,
    resolved_seen: Any,
    flags: Any,
    false_alarms: int | None,
    total: int | None,
    unique: int | None,
    mutating: int | None,
    destructive: int | None,
) -> Trial:
    start = _time(injected or began)

    def after(stored: Any) -> float | None:
        if stored is None or start is None:
            return None
        at = (
            fromisoformat(stored) if isinstance(stored, str) else stored
        )  # inlined `_time`: saves a call for each value
        return (at - start).total_seconds()

    known = () if flags == NO_FLAGS else tuple(_json(flags) or ())
    # Choosing the time that counts first saves decoding the other one.
    detected = counted_time(ticket_own, ticket_seen, Flag.TICKET_SEEN_LATE in known)
    resolved = counted_time(resolved_own, resolved_seen, Flag.RESOLUTION_SEEN_LATE in known)
    return Trial(
        trial=int(trial),
        attempt=int(attempt),
        seed=int(seed),
        outcome=OUTCOMES[outcome],
        window=after(deadline),
        recovered=after(recovered),
        detected=after(detected),
        resolved=after(resolved),
        commands=_counts(total, unique, mutating, destructive),
        false_alarms=false_alarms,
        flags=known,
    )


def _counts(
    total: int | None, unique: int | None, mutating: int | None, destructive: int | None
) -> CommandCounts | None:
    if total is None or unique is None or mutating is None or destructive is None:
        return None
    return CommandCounts(total, unique, total - unique, mutating, destructive)


def _time(stored: Any) -> datetime | None:
    """Decodes a stored time. SQLite stores text, PostgreSQL times."""
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


def _json(stored: Any) -> Any:
    """Decodes stored JSON. pydantic's parser takes half the time of the standard library's."""
    return from_json(stored) if isinstance(stored, str) else stored


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Disables Python's cyclic garbage collection for the block, and exempts the objects that exist at its end.

    Trials form no reference cycles, so every pass of the collector over them would be wasted. `gc.freeze` keeps later
    collections from traversing them too. Reference counts still free frozen objects.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
