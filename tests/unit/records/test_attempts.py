from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from controller.api import Failure, Outcome, Step
from controller.records import AttemptEnded, Event, Records, queries
from controller.records.attempts import attempt_id
from controller.records.database import reading
from controller.records.schema import attempts
from tests.unit.records.samples import at


def events_of(url: str, id_: str) -> list[Event]:
    with reading(url) as connection:
        return queries.list_events(connection, id_)


async def test_an_attempt_exists_from_its_first_second_with_an_event(records: Records, url: str) -> None:
    row = await records.open_attempt("uid-1", 2, seed=2**53 - 1, at=at(1))
    assert (row.trial, row.attempt, row.step, row.outcome) == (2, 1, Step.RESET, None)
    assert (row.seed, row.started_at, row.ended_at) == (2**53 - 1, at(1), None)
    assert await records.unfinished("uid-1") == [row]
    detail = {"trial": 2, "attempt": 1, "seed": 2**53 - 1}
    assert events_of(url, row.id) == [Event(Step.RESET, at(1), "opened", detail)]


async def test_ids_are_the_same_whoever_computes_them(records: Records) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    assert row.id == attempt_id("uid-1", 1, 1) == "93d3ec6b-a520-5206-b13f-1087424a59e6"
    assert row.id != attempt_id("uid-1", 11, 1)


async def test_a_second_attempt_is_refused_while_the_first_is_not_ended(records: Records) -> None:
    await records.open_attempt("uid-1", 1, 7, at(1))
    for trial in (1, 2):
        with pytest.raises(RuntimeError, match="Attempt 1 of trial 1 is not ended"):
            await records.open_attempt("uid-1", trial, 7, at(2))


async def test_the_database_itself_refuses_two_unfinished_attempts(records: Records) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    values = {"id": "other", "campaign_uid": "uid-1", "trial": 2, "attempt": 1, "seed": 1, "step": "reset"}
    with pytest.raises(IntegrityError):
        await records._store.write(lambda c: c.execute(attempts.insert().values(**values, started_at=at(2))))
    assert await records.unfinished("uid-1") == [row]


async def test_a_repeated_trial_gets_the_next_attempt_and_a_final_one_none(records: Records) -> None:
    for number, outcome in enumerate(
        [Outcome.INTERRUPTED, Outcome.INFRA_ERROR, Outcome.ABORTED, Outcome.SELF_HEALED], 1
    ):
        row = await records.open_attempt("uid-1", 1, 7, at(number))
        assert row.attempt == number
        await records.end_attempt(row.id, outcome, at=at(number))
    with pytest.raises(RuntimeError, match="has its outcome already: SelfHealed, by attempt 4"):
        await records.open_attempt("uid-1", 1, 7, at(9))


async def test_an_update_commits_facts_step_and_events_together(records: Records, url: str) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    seen = Event(Step.OBSERVE, at(2.5), "verdict", {"serving": True})
    await records.update(row.id, at=at(2), step=Step.OBSERVE, events=[seen], chaos_injected_at=at(2), blind_seconds=0.5)
    (now,) = await records.unfinished("uid-1")
    assert (now.step, now.chaos_injected_at, now.blind_seconds, now.fault) == (Step.OBSERVE, at(2), 0.5, None)
    assert events_of(url, row.id)[1:] == [Event(Step.OBSERVE, at(2), "step"), seen]


async def test_an_update_that_fails_leaves_nothing_behind(records: Records, url: str) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    with pytest.raises(TypeError):
        await records.update(
            row.id, at=at(2), step=Step.INJECT, events=[Event(Step.INJECT, at(2), "bad", {"x": object()})]
        )
    assert await records.unfinished("uid-1") == [row]
    assert len(events_of(url, row.id)) == 1


async def test_an_outcome_is_written_once(records: Records, url: str) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    assert await records.end_attempt(row.id, Outcome.SELF_HEALED, at=at(5)) is True
    assert await records.end_attempt(row.id, Outcome.INTERRUPTED, at=at(6), error="late") is False
    with pytest.raises(AttemptEnded, match="ended SelfHealed"):
        await records.update(row.id, at=at(7), step=Step.CLEANUP, error="later")
    (ended,) = (await records.tally("uid-1")).recent
    assert (ended.outcome, ended.ended_at, ended.error, ended.step) == (Outcome.SELF_HEALED, at(5), None, Step.RECORD)
    assert [event.kind for event in events_of(url, row.id)] == ["opened", "ended"]


async def test_of_two_writers_at_once_exactly_one_ends_the_attempt(records: Records) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    won = await asyncio.gather(*(records.end_attempt(row.id, Outcome.ABORTED, at=at(i)) for i in range(8)))
    assert sorted(won) == [False] * 7 + [True]


async def test_ending_without_an_error_keeps_the_one_that_is_known(records: Records) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    await records.update(row.id, at=at(2), error="x" * 9000)
    await records.end_attempt(row.id, Outcome.INFRA_ERROR, at=at(3))
    (ended,) = (await records.tally("uid-1")).recent
    assert ended.error is not None and len(ended.error.encode()) == 4096 and ended.error.endswith("x…")


async def test_an_attempt_that_was_never_opened_cannot_be_updated_or_ended(records: Records) -> None:
    with pytest.raises(LookupError, match="nobody"):
        await records.update("nobody", at=at(1))
    with pytest.raises(LookupError, match="nobody"):
        await records.end_attempt("nobody", Outcome.ABORTED, at=at(1))


async def test_states_are_never_cut_and_large_details_are(records: Records, url: str) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    large = {"pods": ["p" * 1000] * 200}
    await records.update(row.id, at=at(2), initial_state=large, events=[Event(Step.RESET, at(2), "note", large)])
    (now,) = await records.unfinished("uid-1")
    assert now.initial_state == large
    assert list(events_of(url, row.id)[-1].detail) == ["cut"]


async def test_times_come_back_in_utc_to_the_microsecond_and_naive_ones_are_refused(records: Records) -> None:
    berlin = timezone(timedelta(hours=1))
    row = await records.open_attempt("uid-1", 1, 7, datetime(2025, 1, 1, 0, 30, 0, 1, tzinfo=berlin))
    assert row.started_at == datetime(2024, 12, 31, 23, 30, 0, 1, tzinfo=UTC)
    assert row.started_at.tzinfo is UTC
    with pytest.raises(StatementError, match="no time zone"):
        await records.update(row.id, at=at(2), recovered_at=datetime(2025, 1, 1))  # noqa: DTZ001


async def test_on_disk_times_are_text_that_sorts(records: Records) -> None:
    await records.open_attempt("uid-1", 1, 7, EXACT)
    stored = await records._store.read(lambda c: c.exec_driver_sql("SELECT started_at FROM attempts").scalar())
    assert stored == "2025-01-02T03:04:05.000000Z"


EXACT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_why_it_failed_stands_in_one_word_beside_its_error(records: Records, url: str) -> None:
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    await records.end_attempt(row.id, Outcome.INFRA_ERROR, at=at(2), error="no answer", failure=Failure.SIGHT_LOST)
    detail = {"outcome": "InfraError", "error": "no answer", "failure": "SightLost"}
    assert events_of(url, row.id)[-1] == Event(Step.RECORD, at(2), "ended", detail)
