"""Whoever counts is told of what is on record: once it is, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from controller.api import Failure, Outcome, Step
from controller.metrics.prometheus import Metrics
from controller.records import AttemptEnded, Records, RecordsUnavailable
from tests.support.scraping import Scrape
from tests.unit.records.samples import at, fill, spec


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def records(url: str, metrics: Metrics) -> AsyncIterator[Records]:
    opened = await Records.open(url, meter=metrics)
    yield opened
    await opened.close()


async def test_every_attempt_is_counted_as_it_is_on_record(records: Records, metrics: Metrics) -> None:
    await fill(records)
    seen, what = Scrape.of(metrics.registry), ("etcd", "pod_kill", "baseline")
    assert seen.series("attempts_total", "subject", "chaos", "mode", "outcome") == {
        (*what, "SelfHealed"): 2,
        (*what, "NotHealed"): 1,
        (*what, "Interrupted"): 1,
    }
    assert seen.series("recovery_seconds_sum", "chaos") == {"pod_kill": 3.4 + 5.0}
    assert seen.series("recovery_censored_total", "subject", "chaos", "mode") == {what: 1}
    assert seen.series("step_duration_seconds_count", "step") == dict.fromkeys(
        ["capture_initial", "inject", "observe", "capture_final"], 4
    )
    assert seen.series("step_duration_seconds_sum", "step")["observe"] == 4 * 20
    assert seen.value("records_commit_seconds_count") == records.commits


async def test_the_second_who_ends_an_attempt_is_not_counted(records: Records, metrics: Metrics) -> None:
    await records.ensure_campaign("uid-1", "default", "demo", spec(), at(0))
    row = await records.open_attempt("uid-1", 1, 7, at(1))
    for _ in range(2):
        await records.end_attempt(
            row.id, Outcome.INFRA_ERROR, at=at(2), failure=Failure.TIMED_OUT, cleanup_failed="no way"
        )
    with pytest.raises(AttemptEnded):
        await records.update(row.id, at=at(3), step=Step.CLEANUP)
    seen = Scrape.of(metrics.registry)
    assert seen.series("infra_errors_total", "reason") == {"TimedOut": 1}
    assert seen.series("cleanup_failures_total", "subject") == {"etcd": 1}
    assert seen.series("step_duration_seconds_count", "step") == {}


async def test_what_was_rolled_back_is_not_counted(records: Records, metrics: Metrics) -> None:
    def fail(_: object) -> None:
        raise RecordsUnavailable("the disk is full")

    before = records.commits
    with pytest.raises(RecordsUnavailable):
        await records.write_at_once(fail)
    assert Scrape.of(metrics.registry).value("records_commit_seconds_count") == before == 0
