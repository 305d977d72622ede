"""Attempts as the records tell of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controller.api import Failure, Mode, Outcome
from controller.meter import EndedAttempt


def at(seconds: float) -> datetime:
    """A time so many seconds into the test's day."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def ended(
    outcome: Outcome,
    mode: Mode = Mode.BASELINE,
    *,
    id_: str = "a",
    recovered: float | None = None,
    detected: float | None = None,
    failure: Failure | None = None,
    cleanup_failed: bool = False,
    seconds: float = 0,
) -> EndedAttempt:
    """A node_kill on TiKV that ended so."""
    return EndedAttempt(
        id=id_,
        at=at(seconds),
        subject="tikv",
        chaos="node_kill",
        mode=mode,
        outcome=outcome,
        time_to_recover=recovered,
        time_to_detect=detected,
        failure=failure,
        cleanup_failed=cleanup_failed,
    )
