from __future__ import annotations

import random
import time

import pytest

from controller.api import Outcome
from controller.records import Records
from controller.records.attempts import attempt_id
from controller.records.schema import attempts
from tests.unit.records.samples import at, fill, run_attempt


async def insert(records: Records, rows: list[tuple[int, int, Outcome, float, float | None]]) -> None:
    """Ended attempts at once: trial, attempt, outcome, when injected, seconds to recover."""
    values = [
        {
            "id": attempt_id("uid-1", trial, attempt),
            "campaign_uid": "uid-1",
            "trial": trial,
            "attempt": attempt,
            "seed": trial,
            "step": "record",
            "outcome": outcome.value,
            "started_at": at(injected),
            "chaos_injected_at": at(injected),
            "recovered_at": None if recovery is None else at(injected + recovery),
            "ended_at": at(injected + 60),
        }
        for trial, attempt, outcome, injected, recovery in rows
    ]
    await records._store.write(lambda c: c.execute(attempts.insert(), values))


async def test_a_campaign_without_attempts_counts_nothing(records: Records) -> None:
    tally = await records.tally("uid-1")
    assert (tally.outcomes, tally.done, tally.next_trial, tally.recovery_times, tally.recent) == ({}, 0, 1, (), ())


async def test_the_tally_counts_attempts_by_outcome_and_trials_by_final_outcome(records: Records) -> None:
    await fill(records)
    tally = await records.tally("uid-1")
    assert tally.outcomes == {Outcome.SELF_HEALED: 2, Outcome.INTERRUPTED: 1, Outcome.NOT_HEALED: 1}
    assert (tally.done, tally.next_trial, tally.scored, tally.recovered) == (3, 4, 3, 2)
    assert tally.recovery_times == (3.4, 5.0, None)
    assert [(row.trial, row.attempt) for row in tally.recent] == [(3, 1), (2, 2), (2, 1), (1, 1)]
    assert (tally.recent[1].target, tally.recent[1].time_to_recover) == ("etcd-1", 5.0)


async def test_the_next_trial_is_the_lowest_without_a_final_outcome(records: Records) -> None:
    expected = 1
    for trial, outcome, next_trial in [
        (1, Outcome.NOT_MANIFESTED, 2),
        (2, Outcome.INFRA_ERROR, 2),
        (3, Outcome.SELF_HEALED, 2),
        (2, Outcome.ABORTED, 2),
        (2, Outcome.SELF_HEALED, 4),
    ]:
        assert (await records.tally("uid-1")).next_trial == expected
        await run_attempt(records, trial, expected * 100 + trial, outcome, 1.0)
        expected = next_trial
    tally = await records.tally("uid-1")
    assert (tally.next_trial, tally.done) == (4, 3)


async def test_a_clock_that_goes_back_is_counted_right(records: Records) -> None:
    await run_attempt(records, 1, 1000, Outcome.SELF_HEALED, 1.0)
    assert (await records.tally("uid-1")).done == 1
    await run_attempt(records, 2, 10, Outcome.NOT_HEALED, None)
    tally = await records.tally("uid-1")
    assert (tally.done, tally.scored, tally.recovered) == (2, 2, 1)


async def test_ten_thousand_trials_are_counted_right_and_quickly(records: Records) -> None:
    rng = random.Random(3)
    rows: list[tuple[int, int, Outcome, float, float | None]] = []
    for trial in range(1, 10_001):
        attempt = 1
        while rng.random() < 0.1:
            rows.append((trial, attempt, Outcome.INTERRUPTED, len(rows), None))
            attempt += 1
        healed = rng.random() < 0.7
        outcome = Outcome.SELF_HEALED if healed else Outcome.NOT_HEALED
        rows.append((trial, attempt, outcome, len(rows), trial / 1000 if healed else None))
    await insert(records, rows[:-1])
    before = await records.tally("uid-1")
    assert (before.done, before.next_trial) == (9_999, 10_000)
    await insert(records, rows[-1:])
    start = time.perf_counter()
    tally = await records.tally("uid-1")
    took = time.perf_counter() - start

    assert (tally.done, tally.next_trial, sum(tally.outcomes.values())) == (10_000, 10_001, len(rows))
    assert tally.recovery_times == tuple(row[4] for row in rows if row[2].scored)
    assert [(row.trial, row.attempt) for row in tally.recent] == [row[:2] for row in rows[-1:-11:-1]]
    assert took < 0.25, "a few ms where nothing else runs; a full recount of rows with their states takes seconds"


async def test_the_tally_reads_its_index_and_no_row(records: Records) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT trial, attempt, outcome, chaos_injected_at, recovered_at FROM attempts "
        "WHERE campaign_uid = 'uid-1' AND ended_at IS NOT NULL ORDER BY ended_at DESC, trial DESC, attempt DESC"
    )
    plan = await records._store.read(lambda c: [row[3] for row in c.exec_driver_sql(query)])
    assert len(plan) == 1 and "USING COVERING INDEX ix_attempts_numbers" in plan[0]


@pytest.mark.parametrize("campaign", ["uid-1", "nobody"])
async def test_asking_twice_gives_the_same(records: Records, campaign: str) -> None:
    await fill(records)
    assert await records.tally(campaign) == await records.tally(campaign)
