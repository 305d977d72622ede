from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from subjects.health import extend, wait_until_healthy
from subjects.protocol import SubjectError, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)


def verdict(seconds: float, healthy: bool | None = True) -> Verdict:
    return Verdict(START + timedelta(seconds=seconds), serving=healthy, healthy=healthy)


async def stream(*verdicts: Verdict) -> AsyncGenerator[Verdict]:
    for each in verdicts:
        yield each


def test_healthy_verdicts_in_a_row_lengthen_the_stretch() -> None:
    stretch = extend(extend(None, verdict(0)), verdict(0.5))
    assert stretch is not None
    assert stretch.seconds == 0.5


@pytest.mark.parametrize("healthy", [False, None])
def test_a_verdict_that_is_not_healthy_or_not_known_ends_the_stretch(healthy: bool | None) -> None:
    assert extend(extend(None, verdict(0)), verdict(0.5, healthy)) is None


@pytest.mark.parametrize("seconds", [2.1, -0.1])
def test_time_that_nobody_watched_and_clocks_set_back_begin_the_stretch_anew(seconds: float) -> None:
    stretch = extend(extend(None, verdict(0)), verdict(seconds))
    assert stretch is not None
    assert stretch.seconds == 0


async def test_waiting_returns_the_verdict_that_completes_the_settle_time() -> None:
    told: list[Verdict] = []
    verdicts = [verdict(0), verdict(0.5, False), verdict(1), verdict(1.5), verdict(2), verdict(2.5)]
    assert await wait_until_healthy(stream(*verdicts), 1.0, told.append) == verdict(2)
    assert told == verdicts[:-1]


async def test_without_a_settle_time_the_first_healthy_verdict_is_enough() -> None:
    assert await wait_until_healthy(stream(verdict(0, None), verdict(1)), 0, lambda _: None) == verdict(1)


async def test_waiting_closes_the_stream_it_was_given() -> None:
    closed = []

    async def endless() -> AsyncGenerator[Verdict]:
        try:
            while True:
                yield verdict(0)
        finally:
            closed.append(True)

    await wait_until_healthy(endless(), 0, lambda _: None)
    assert closed


async def test_a_stream_that_ends_is_an_error_and_not_a_healthy_subject() -> None:
    with pytest.raises(SubjectError):
        await wait_until_healthy(stream(verdict(0)), 5, lambda _: None)
