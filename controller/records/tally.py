"""Counts a campaign's attempts, within one or two milliseconds even at 10,000 trials.

Ended attempts never change, so the counts are kept. Each tally queries how many attempts have ended, and reads only
those that it has not counted yet. Where the latest by time are not exactly these (after a clock went back), it counts
all of them again.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from controller.api import RECENT_ATTEMPTS, Outcome
from controller.records.attempts import SUMMARY, decode_summary, final
from controller.records.rows import Flag, Tally, counted_time
from controller.records.schema import attempts

LATEST_FIRST = (attempts.c.ended_at.desc(), attempts.c.trial.desc(), attempts.c.attempt.desc())
# The columns that the index has, in its order, so that SQLite reads no rows, which hold large states.
COUNTED = select(
    attempts.c.trial,
    attempts.c.attempt,
    attempts.c.outcome,
    attempts.c.chaos_injected_at,
    attempts.c.ticket_created_at,
    attempts.c.ticket_seen_at,
    attempts.c.resolved_at,
    attempts.c.resolution_seen_at,
    attempts.c.recovered_at,
    attempts.c.flags,
).order_by(*LATEST_FIRST)


class Tallies:
    """The tallies of all campaigns, cached. Safe for use from several threads."""

    def __init__(self) -> None:
        self._counts: dict[str, _Counts] = {}
        self._lock = threading.Lock()

    def of(self, connection: Connection, campaign_uid: str) -> Tally:
        """Returns the campaign's tally, from the connection's snapshot; all zero when it has no attempts."""
        ended = _ended(campaign_uid)
        with self._lock:
            counts = self._counts.setdefault(campaign_uid, _Counts())
            total = connection.scalar(select(func.count()).select_from(attempts).where(ended)) or 0
            if not counts.catch_up(connection, ended, total):
                counts = self._counts[campaign_uid] = _Counts()
                counts.catch_up(connection, ended, total)
            recent = connection.execute(
                select(*SUMMARY).where(ended).order_by(*LATEST_FIRST).limit(RECENT_ATTEMPTS)
            ).mappings()
            return Tally(
                outcomes=dict(counts.outcomes),
                done=len(counts.done),
                next_trial=counts.next_trial,
                recovery_times=tuple(counts.recovered),
                detection_times=tuple(counts.detected),
                resolution_times=tuple(counts.resolved),
                recent=tuple(decode_summary(row) for row in recent),
                unpaired_from=counts.unpaired_from,
            )


def _ended(campaign_uid: str) -> ColumnElement[bool]:
    return (attempts.c.campaign_uid == campaign_uid) & attempts.c.ended_at.is_not(None)


class _Counts:
    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.done: set[int] = set()
        self.recovered: list[float | None] = []
        self.detected: list[float | None] = []
        self.resolved: list[float | None] = []
        self.next_trial = 1
        self.unpaired_from: int | None = None
        self._seen: set[tuple[int, int]] = set()

    def catch_up(self, connection: Connection, ended: ColumnElement[bool], total: int) -> bool:
        """Counts the attempts that ended since. Returns False when they cannot be told from the counted ones."""
        missing = total - len(self._seen)
        if missing == 0:
            return True
        if missing < 0:
            return False
        new = connection.execute(COUNTED.where(ended).limit(missing)).all()
        if any((row.trial, row.attempt) in self._seen for row in new):
            return False
        for row in reversed(new):
            self._seen.add((row.trial, row.attempt))
            self._count(row)
        while self.next_trial in self.done:
            self.next_trial += 1
        return True

    def _count(self, row: Row[Any]) -> None:
        outcome, flags = Outcome(row.outcome), row.flags or ()
        self.outcomes[outcome] += 1
        if Flag.UNPAIRED in flags:
            self.unpaired_from = min(row.trial, self.unpaired_from or row.trial)
        if final(outcome):
            self.done.add(row.trial)
        if not outcome.scored:
            return

        def after(at: datetime | None) -> float | None:
            return (at - row.chaos_injected_at).total_seconds() if at and row.chaos_injected_at else None

        self.recovered.append(after(row.recovered_at))
        late = Flag.TICKET_SEEN_LATE in flags
        self.detected.append(after(counted_time(row.ticket_created_at, row.ticket_seen_at, late)))
        late = Flag.RESOLUTION_SEEN_LATE in flags
        self.resolved.append(after(counted_time(row.resolved_at, row.resolution_seen_at, late)))
