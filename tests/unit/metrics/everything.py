"""All that can be told to a meter, told, and a little more than should be; and what each metric then is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from controller.api import Failure, Mode, Outcome, Phase, Step
from controller.meter import StatusWrite
from controller.metrics.collectors import OTHER, RecordedCampaigns, RecordsDisk
from controller.metrics.prometheus import AGENT_STATUSES, Metrics
from controller.version import VERSION
from subjects.registry import installed, offered
from tests.support.scraping import OURS, Scrape
from tests.unit.metrics.samples import at, ended

CHAOS = {name for factory in installed().subjects.values() for name in offered(factory)}
CLOSED = {
    "subject": {*installed().subjects, OTHER},
    "chaos": CHAOS,
    "mode": set(Mode),
    "outcome": set(Outcome),
    "reason": set(Failure),
    "step": set(Step) - {Step.RECORD},
    "phase": set(Phase),
    "result": set(StatusWrite),
    "verb": {"GET", "POST", "PUT", "PATCH", "DELETE", "other"},
    "status": {*map(str, AGENT_STATUSES), "other"},
    "code": {"1xx", "2xx", "3xx", "4xx", "5xx", "none"},
    "version": {VERSION},
}
"""The values that each label may have; those of `le` are buckets, and `python` is the interpreter's version."""


@dataclass(frozen=True)
class Family:
    """One metric as it is scraped. `exposed` is its name as people write it, `samples` the names of its series."""

    exposed: str
    type: str
    help: str
    samples: frozenset[str]
    labels: frozenset[str]
    bounds: frozenset[str]


def tell_everything(metrics: Metrics) -> None:
    """See the module."""
    for outcome, mode, failure in product(Outcome, Mode, [None, *Failure]):
        metrics.attempt_ended(ended(outcome, mode, failure=failure, recovered=1, detected=1, cleanup_failed=True))
        metrics.attempt_ended(ended(outcome, mode))
    for step in Step:
        if step is not Step.RECORD:
            metrics.step_entered("a", step, at(1))
    metrics.attempt_ended(ended(Outcome.ABORTED))
    for result, again in product(StatusWrite, [True, False]):
        metrics.status_write(result, again)
    for answered in (*AGENT_STATUSES, 200, 404, 500):
        metrics.agent_answered(answered)
    for verb, status in product(["GET", "PATCH", "TRACE", "tikv-0"], [None, 101, 200, 302, 418, 599]):
        metrics.requested(verb, status)


def scrape_everything(url: str) -> Scrape:
    """What is then scraped, beside the campaigns on record at `url`."""
    metrics = Metrics()
    metrics.registry.register(RecordedCampaigns(url, installed().subjects))
    metrics.registry.register(RecordsDisk(url))
    tell_everything(metrics)
    return Scrape.of(metrics.registry)


def families(scraped: Scrape) -> Iterator[Family]:
    """Each of our metrics, as it was scraped."""
    for family in scraped.families:
        if family.name.startswith(OURS):
            yield _described(family)


def _described(family: Any) -> Family:
    labels = {name for sample in family.samples for name in sample.labels}
    return Family(
        exposed=f"{family.name}_total" if family.type == "counter" else family.name,
        type=family.type,
        help=family.documentation,
        samples=frozenset(sample.name for sample in family.samples),
        labels=frozenset(labels - {"le"}),
        bounds=frozenset(sample.labels["le"] for sample in family.samples if "le" in sample.labels),
    )
