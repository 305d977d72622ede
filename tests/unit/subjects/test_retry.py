"""Waiting for what cannot be reached."""

from __future__ import annotations

import pytest

from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.retry import retry_until_reachable


class Call:
    """Raises these errors, one a call, and then returns 7."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def __call__(self) -> int:
        if self._errors:
            raise self._errors.pop(0)
        return 7


async def test_the_call_is_repeated_until_it_is_answered_and_each_reason_is_reported() -> None:
    reasons: list[str] = []
    call = Call(ClusterUnreachable("no answer"), ClusterUnreachable("still none"))
    assert await retry_until_reachable(call, reasons.append, pause_seconds=0) == 7
    assert reasons == ["no answer", "still none"]


async def test_any_other_error_comes_through_at_once() -> None:
    reasons: list[str] = []
    with pytest.raises(ClusterError):
        await retry_until_reachable(Call(ClusterError(403, "no")), reasons.append, pause_seconds=0)
    assert reasons == []


async def test_what_counts_as_unreachable_is_the_callers_choice() -> None:
    waits: list[str] = []
    call = Call(LookupError("PD is away"))
    assert await retry_until_reachable(call, waits.append, pause_seconds=0, unreachable=LookupError) == 7
    assert waits == ["PD is away"]
