"""/metrics, scraped while campaigns run, says what the records say."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bench.scripted import Script
from controller.records import AttemptSummary, queries
from controller.records.database import reading
from tests.emulator.apiserver import is_status_write
from tests.emulator.objects import Key
from tests.emulator.stage import Stage, together
from tests.support.ports import free_port
from tests.support.scraping import Scrape
from tests.support.waiting import eventually
from tests.unit.metrics.everything import CLOSED

WHAT = ("scripted", "node_kill", "baseline")


@pytest.fixture
async def measured(stage: Stage) -> AsyncIterator[Stage]:
    """A stage whose controller, not started yet, serves its metrics."""
    stage.settings = replace(stage.settings, metrics_port=free_port())
    yield stage


async def scrape(stage: Stage) -> Scrape:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{stage.settings.metrics_port}/metrics", timeout=60)
    assert answer.status_code == 200
    return Scrape(answer.text)


async def test_when_all_is_done_every_number_is_that_of_the_rows(measured: Stage) -> None:
    for subject in ("heals", "stays", "fails", "quiet"):
        measured.namespace(subject)
    measured.lab.scripts["stays"] = Script(heal_after=None)
    measured.lab.scripts["fails"] = Script(healthy_at_first=False)
    await measured.start()
    impatient: dict[str, Any] = {"deadlines": {"healthySeconds": 0.1}, "maxInfraErrors": 1}
    asked = [
        (measured.apply("heals", "heals", trials=3), "Complete"),
        (measured.apply("stays", "stays", trials=2, observeSeconds=0.3), "Complete"),
        (measured.apply("fails", "fails", **impatient), "Failed"),
        (measured.apply("quiet", "quiet", mode="control", observeSeconds=0.2), "Complete"),
        (measured.apply("unknown", "heals", type="mongodb"), "Failed"),
        (measured.apply("meteor", "heals", chaos="meteor"), "Failed"),
    ]
    await together(*(measured.until(key, phase) for key, phase in asked))
    seen = await scrape(measured)

    rows = [(measured.row(key), attempt) for key, _ in asked for attempt in measured.attempts(key)]
    counted = seen.series("attempts_total", "subject", "chaos", "mode", "outcome")
    assert counted == Counter((c.subject, c.chaos, c.mode.value, str(a.outcome)) for c, a in rows)
    assert {("scripted", "node_kill", "control", "Quiet"), (*WHAT, "InfraError")} <= set(counted)
    infra_errors = [attempt for _, attempt in rows if attempt.outcome == "InfraError"]
    assert seen.series("infra_errors_total", "reason") == {"TimedOut": len(infra_errors)}

    times = [a.time_to_recover for c, a in rows if a.outcome and a.outcome.scored and c.mode.injects]
    recovered = [time for time in times if time is not None]
    assert seen.series("recovery_seconds_count", "subject", "chaos", "mode") == {WHAT: len(recovered)}
    assert seen.series("recovery_seconds_sum", "mode")["baseline"] == pytest.approx(sum(recovered))
    assert seen.series("recovery_censored_total", "mode") == {"baseline": times.count(None)}

    assert seen.series("step_duration_seconds_count", "step") == steps_on_record(measured, [a for _, a in rows])
    assert seen.series("campaigns", "phase") == {"Complete": 3, "Failed": 3}
    assert seen.value("records_commit_seconds_count") and seen.series("status_writes_total", "result")["written"]
    assert seen.series("api_requests_total", "verb", "code")[("PATCH", "2xx")] > len(asked)


def steps_on_record(stage: Stage, attempts: list[AttemptSummary]) -> Counter[str]:
    """How often each step was entered, by the stories of these attempts."""
    with reading(stage.url) as connection:
        stories = [queries.list_events(connection, attempt.id) for attempt in attempts]
    return Counter(event.step.value for story in stories for event in story if event.kind == "step")


async def test_while_one_runs_the_other_stands_in_the_queue(measured: Stage) -> None:
    measured.lab.scripts["subject"] = Script(heal_after=None)
    await measured.start()
    first = measured.apply("first", observeSeconds=600)
    await measured.until_hurt()
    second = measured.apply("second")
    await measured.until(second, "Queued")
    seen = await scrape(measured)
    assert seen.series("queue_length", "subject") == {"scripted": 1}
    assert seen.series("campaigns", "phase") == {"Running": 1, "Queued": 1}
    measured.lab.scripts["subject"].heal_after = 0.05
    measured.change(first, abort=True)
    await measured.until(second, "Complete")
    assert (await scrape(measured)).series("queue_length", "subject") == {}


async def test_an_attempt_that_a_stop_interrupts_is_counted_where_it_is_closed_and_the_next_one_afresh(
    measured: Stage,
) -> None:
    measured.lab.scripts["subject"] = Script(heal_after=None)
    await measured.start()
    key = measured.apply(observeSeconds=600)
    await measured.until_hurt()
    await measured.stop()
    measured.lab.scripts["subject"].heal_after = 0.05
    await measured.start()
    await measured.until(key, "Complete")
    assert measured.outcomes(key) == [(1, 1, "Interrupted"), (1, 2, "SelfHealed")]
    assert (await scrape(measured)).series("attempts_total", "outcome") == {"SelfHealed": 1}


async def test_status_writes_that_fail_show_as_retries(measured: Stage) -> None:
    await measured.start()
    with measured.api.refusing(is_status_write, 500):
        key = measured.apply()
        await eventually(lambda: finished(measured, key))
    # A write is seen a moment before it is counted: with the next campaign's, the first one's are.
    await together(measured.until(key, "Complete"), measured.until(measured.apply("next"), "Complete"))
    seen = await scrape(measured)
    writes, retries = seen.series("status_writes_total", "result"), seen.value("status_write_retries_total")
    assert retries and retries == writes["unreachable"]
    assert seen.series("api_requests_total", "verb", "code")[("PATCH", "5xx")] >= writes["unreachable"]


def finished(stage: Stage, key: Key) -> bool:
    return stage.finished(key[1] or "", key[2])


async def test_names_of_people_are_in_no_label(measured: Stage) -> None:
    measured.namespace("a-namespace-of-mine")
    await measured.start()
    key = measured.apply("a-name-of-mine", "a-namespace-of-mine", variant={"model": "a-model-of-mine"})
    await measured.until(key, "Complete")
    seen = await scrape(measured)
    assert [each for each in seen.labels() if "mine" in each[1]] == []
    assert {name for name, _ in seen.labels()} <= set(CLOSED) | {"le", "python"}
