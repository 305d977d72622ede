"""What is told is counted: once, under the right labels, and what did not happen beside what did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controller.api import Failure, Mode, Outcome, Step
from controller.meter import StatusWrite
from controller.metrics.prometheus import Metrics
from tests.support.scraping import Scrape
from tests.unit.metrics.samples import at, ended

WHAT = ("tikv", "node_kill")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def scrape(metrics: Metrics) -> Callable[..., Any]:
    return lambda: Scrape.of(metrics.registry)


def test_an_attempt_counts_by_what_was_done_and_how_it_ended(metrics: Metrics, scrape: Callable[..., Any]) -> None:
    for outcome in (Outcome.SELF_HEALED, Outcome.SELF_HEALED, Outcome.NOT_HEALED):
        metrics.attempt_ended(ended(outcome))
    assert scrape().series("attempts_total", "subject", "chaos", "mode", "outcome") == {
        (*WHAT, "baseline", "SelfHealed"): 2,
        (*WHAT, "baseline", "NotHealed"): 1,
    }


def test_two_processes_in_one_do_not_count_together(metrics: Metrics, scrape: Callable[..., Any]) -> None:
    Metrics().attempt_ended(ended(Outcome.SELF_HEALED))
    assert scrape().series("attempts_total", "outcome") == {}


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("outcome", Outcome)
def test_each_scored_attempt_with_a_fault_has_recovered_or_is_censored(
    metrics: Metrics, scrape: Callable[..., Any], mode: Mode, outcome: Outcome
) -> None:
    metrics.attempt_ended(ended(outcome, mode, recovered=12.5))
    metrics.attempt_ended(ended(outcome, mode))
    seen = scrape()
    once = {(*WHAT, mode.value): 1} if outcome.scored and mode is not Mode.CONTROL else {}
    assert seen.series("recovery_seconds_count", "subject", "chaos", "mode") == once
    assert seen.series("recovery_seconds_sum", "mode") == ({mode.value: 12.5} if once else {})
    assert seen.series("recovery_censored_total", "subject", "chaos", "mode") == once


@pytest.mark.parametrize("outcome", [each for each in Outcome if each.scored])
def test_each_scored_attempt_with_an_agent_was_detected_in_time_or_not_at_all(
    metrics: Metrics, scrape: Callable[..., Any], outcome: Outcome
) -> None:
    # The ticket of a SelfHealed or Undetected came too late: it is on record, and is no detection.
    metrics.attempt_ended(ended(outcome, Mode.AGENT, detected=7))
    seen = scrape()
    assert seen.series("detection_seconds_count", "subject", "chaos") == ({WHAT: 1} if outcome.detected else {})
    assert seen.series("undetected_total", "subject", "chaos") == ({} if outcome.detected else {WHAT: 1})


def test_without_an_agent_nothing_is_undetected(metrics: Metrics, scrape: Callable[..., Any]) -> None:
    metrics.attempt_ended(ended(Outcome.SELF_HEALED, detected=3))
    assert scrape().series("undetected_total", "subject") == scrape().series("detection_seconds_count", "subject") == {}


def test_infra_errors_are_counted_by_reason_and_add_up_to_the_attempts(
    metrics: Metrics, scrape: Callable[..., Any]
) -> None:
    for failure in (Failure.SIGHT_LOST, Failure.SIGHT_LOST, Failure.TIMED_OUT, None):
        metrics.attempt_ended(ended(Outcome.INFRA_ERROR, failure=failure))
    metrics.attempt_ended(ended(Outcome.INTERRUPTED, failure=Failure.CLUSTER_UNREACHABLE))
    seen = scrape()
    by_reason = seen.series("infra_errors_total", "reason")
    assert by_reason == {"SightLost": 2, "TimedOut": 1, "Unexpected": 1}
    assert sum(by_reason.values()) == seen.series("attempts_total", "outcome")["InfraError"]


def test_every_reason_is_there_before_its_first_error(scrape: Callable[..., Any]) -> None:
    text = [
        sample.labels["reason"] for each in scrape().families for sample in each.samples if "reason" in sample.labels
    ]
    assert set(text) == set(Failure)


def test_a_fault_that_stays_counts_whatever_the_outcome(metrics: Metrics, scrape: Callable[..., Any]) -> None:
    metrics.attempt_ended(ended(Outcome.SELF_HEALED, cleanup_failed=True))
    metrics.attempt_ended(ended(Outcome.SELF_HEALED))
    assert scrape().series("cleanup_failures_total", "subject") == {"tikv": 1}


def test_a_step_lasts_until_the_next_and_the_last_one_until_the_end(
    metrics: Metrics, scrape: Callable[..., Any]
) -> None:
    metrics.step_entered("a", Step.RESET, at(0))
    metrics.step_entered("b", Step.RESET, at(1))
    metrics.step_entered("a", Step.OBSERVE, at(4))
    metrics.step_entered("b", Step.OBSERVE, at(7))
    metrics.step_entered("a", Step.CLEANUP, at(34))
    metrics.attempt_ended(ended(Outcome.NOT_HEALED, seconds=36))
    assert scrape().series("step_duration_seconds_sum", "step") == {"reset": 4 + 6, "observe": 30, "cleanup": 2}
    assert scrape().series("step_duration_seconds_count", "step") == {"reset": 2, "observe": 1, "cleanup": 1}


def test_an_attempt_whose_beginning_another_process_saw_has_only_the_steps_of_this_one(
    metrics: Metrics, scrape: Callable[..., Any]
) -> None:
    metrics.step_entered("a", Step.CLEANUP, at(100))
    metrics.attempt_ended(ended(Outcome.INTERRUPTED, seconds=103))
    metrics.attempt_ended(ended(Outcome.INTERRUPTED, id_="never seen"))
    assert scrape().series("step_duration_seconds_sum", "step") == {"cleanup": 3}


def test_status_writes_count_by_how_they_went_and_retries_beside_them(
    metrics: Metrics, scrape: Callable[..., Any]
) -> None:
    metrics.status_write(StatusWrite.UNREACHABLE, again=False)
    metrics.status_write(StatusWrite.REFUSED, again=True)
    metrics.status_write(StatusWrite.WRITTEN, again=True)
    metrics.status_write(StatusWrite.WRITTEN, again=False)
    assert scrape().series("status_writes_total", "result") == {"unreachable": 1, "refused": 1, "written": 2}
    assert scrape().value("status_write_retries_total") == 2


def test_requests_count_by_verb_and_class_of_answer(metrics: Metrics, scrape: Callable[..., Any]) -> None:
    for verb, status in [("GET", 200), ("GET", 201), ("PATCH", 422), ("DELETE", 503), ("GET", None)]:
        metrics.requested(verb, status)
    assert scrape().series("api_requests_total", "verb", "code") == {
        ("GET", "2xx"): 2,
        ("PATCH", "4xx"): 1,
        ("DELETE", "5xx"): 1,
        ("GET", "none"): 1,
    }


def test_commits_and_the_loops_lag_are_histograms(metrics: Metrics, scrape: Callable[..., Any]) -> None:
    metrics.committed(0.002)
    metrics.committed(7)
    metrics.lagged(0.3)
    seen = scrape()
    assert (seen.value("records_commit_seconds_count"), seen.value("records_commit_seconds_sum")) == (2, 7.002)
    assert seen.value("event_loop_lag_seconds_count") == 1
