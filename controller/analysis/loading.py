"""Trials in bulk: one query, answered from an index that has all the columns statistics need, some rows at a time.

A hundred thousand trials have a million times, so the columns come as the database stores them and are decoded here, in
one pass and without a value that is not needed.
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
"""As SQLite has them of nearly all attempts."""

PORTION = 1000
"""Rows between two calls of `seen`."""

STORED = (
    *("trial", "attempt", "seed", "outcome", "chaos_injected_at", "window_started_at", "deadline_at", "recovered_at"),
    *("ticket_created_at", "ticket_seen_at", "resolved_at", "resolution_seen_at", "flags", "false_alarms"),
)
"""The columns, in the order in which `_trial` takes them; behind them come those of `command_columns`."""


def load(connection: Connection, campaign: CampaignRow, seen: Callable[[int], None] = lambda _: None) -> list[Trial]:
    """The campaign's attempts that ended, by trial and attempt. `seen` hears now and then how many more were read."""
    found: list[Trial] = []
    make: Callable[..., Trial] = _trial
    with _without_collector():
        rows = connection.execution_options(yield_per=PORTION).execute(query(campaign))
        for portion in rows.partitions():
            found += [make(*row) for row in portion]
            seen(len(portion))
    found.sort(key=lambda trial: (trial.trial, trial.attempt))
    return found


def query(campaign: CampaignRow) -> Select[Any]:
    """What `load` asks. In no order: for one by trial, SQLite would take another index, and read every row."""
    columns: list[ColumnElement[Any]] = [
        type_coerce(attempts.c[name], String) for name in (*STORED, *command_columns(None))
    ]
    ended = (attempts.c.campaign_uid == campaign.uid) & attempts.c.ended_at.is_not(None)
    return select(*columns).where(ended)


def ended(connection: Connection, campaign: CampaignRow) -> int:
    """How many there are to load."""
    asked = select(func.count()).where(attempts.c.campaign_uid == campaign.uid, attempts.c.ended_at.is_not(None))
    return connection.scalar(asked) or 0


def of_attempts(attempts: Iterable[AttemptSummary]) -> list[Trial]:
    """The same of attempts that were read already; their states and logs are not needed."""
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
        at = fromisoformat(stored) if isinstance(stored, str) else stored  # `_time`, without a call for each
        return (at - start).total_seconds()

    known = () if flags == NO_FLAGS else tuple(_json(flags) or ())
    # Which of two times counts is settled before one of them is decoded.
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
    """SQLite has times as text, PostgreSQL as times."""
    return datetime.fromisoformat(stored) if isinstance(stored, str) else stored


def _json(stored: Any) -> Any:
    """Likewise with JSON. pydantic's parser takes half the time of the standard library's."""
    return from_json(stored) if isinstance(stored, str) else stored


@contextmanager
def _without_collector() -> Iterator[None]:
    """No cyclic garbage is made here, and the collector would look through all trials again and again to find none.

    Nor shall it later: what is there at the end is out of its sight from then on, and goes by its count of references.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()
