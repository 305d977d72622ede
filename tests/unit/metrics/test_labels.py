"""The number of series has a bound: every label takes its values from a set that is known beforehand."""

from __future__ import annotations

from itertools import product

from controller.api import Failure, Mode, Outcome, Phase, Step
from controller.metrics.campaigns import OTHER, RecordedCampaigns
from controller.metrics.meter import StatusWrite
from controller.metrics.prometheus import Metrics
from controller.version import VERSION
from subjects import SUBJECTS
from subjects.protocol import SubjectContext
from tests.support.scraping import Scrape
from tests.unit.metrics.samples import at, ended

CHAOS = {name for make in SUBJECTS.values() for name in make(SubjectContext(None, "n", lambda: None)).get_chaos_types()}
CLOSED = {
    "subject": {*SUBJECTS, OTHER},
    "chaos": CHAOS,
    "mode": set(Mode),
    "outcome": set(Outcome),
    "reason": set(Failure),
    "step": set(Step) - {Step.RECORD},
    "phase": set(Phase),
    "result": set(StatusWrite),
    "verb": {"GET", "POST", "PUT", "PATCH", "DELETE", "other"},
    "code": {"1xx", "2xx", "3xx", "4xx", "5xx", "none"},
    "version": {VERSION},
}


def everything(url: str) -> Scrape:
    """All that can be told, told, and a little more."""
    metrics = Metrics()
    metrics.registry.register(RecordedCampaigns(url, SUBJECTS))
    for outcome, mode, failure in product(Outcome, Mode, [None, *Failure]):
        metrics.attempt_ended(ended(outcome, mode, failure=failure, recovered=1, detected=1, dirty=True))
        metrics.attempt_ended(ended(outcome, mode))
    for step in CLOSED["step"]:
        metrics.step_entered("a", Step(step), at(1))
    for result, again in product(StatusWrite, [True, False]):
        metrics.status_write(result, again)
    for verb, status in product(["GET", "PATCH", "TRACE", "tikv-0"], [None, 101, 200, 302, 418, 599]):
        metrics.requested(verb, status)
    return Scrape.of(metrics.registry)


def test_no_label_has_a_value_that_somebody_made_up(url):
    unbounded = {"le", "python"}  # buckets, which are ours, and the interpreter's version
    said = {(name, value) for name, value in everything(url).labels() if name not in unbounded}
    assert {name for name, _ in said} == set(CLOSED)
    assert [(name, value) for name, value in said if value not in CLOSED[name]] == []


def test_the_interpreters_own_words_say_who_runs(url):
    families = {family.name for family in everything(url).families}
    assert {"python_info", "process_cpu_seconds", "python_gc_collections"} <= families
