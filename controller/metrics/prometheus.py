"""Defines the metrics. docs/metrics.md lists names, labels and meanings; a test compares the page with this module.

Every label has a closed set of values: texts that people write (names, namespaces, variants, targets) are in no label,
so the number of series does not grow with the campaigns. The values of `subject` and `chaos` come from attempts, and an
attempt begins only if an installed subject offers the chaos.
"""

from __future__ import annotations

import platform
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from controller.api import Failure, Mode, Outcome, Step
from controller.meter import EndedAttempt, StatusWrite
from controller.version import VERSION

ATTEMPT_BUCKETS = (1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
STEP_BUCKETS = (0.05, 0.25, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 5)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

disable_created_metrics()
"""They would be a second series beside each counter and histogram, with the time of its creation."""

AGENT_STATUSES = (204, 401, 408, 409, 413, 422, 429, 503, 507)
"""The HTTP statuses of answers to agents; docs/agents/http.md says what each means."""

VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Metrics:
    """Implements `Meter` for Prometheus, with a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._open: dict[str, tuple[Step, datetime]] = {}
        self._attempts = Counter(
            "evalcampaign_attempts",
            "Attempts that ended, as they are on record; an attempt whose outcome is not scored is one too.",
            ["subject", "chaos", "mode", "outcome"],
            registry=registry,
        )
        self._infra_errors = Counter(
            "evalcampaign_infra_errors",
            "Attempts that ended as InfraError, by what could not be done or not be seen.",
            ["reason"],
            registry=registry,
        )
        self._cleanup_failures = Counter(
            "evalcampaign_cleanup_failures",
            "Attempts whose fault could not be undone: the subject stays locked until somebody has looked at it.",
            ["subject"],
            registry=registry,
        )
        self._steps = Histogram(
            "evalcampaign_step_duration_seconds",
            "How long attempts stayed in a step, whether or not it succeeded.",
            ["step"],
            buckets=STEP_BUCKETS,
            registry=registry,
        )
        self._recovery = Histogram(
            "evalcampaign_recovery_seconds",
            "From the injection to recovery, of scored attempts that recovered by their deadline, and of no others: "
            "the rest is counted as censored; a mean or a quantile of these alone makes the system look too fast.",
            ["subject", "chaos", "mode"],
            buckets=ATTEMPT_BUCKETS,
            registry=registry,
        )
        self._censored = Counter(
            "evalcampaign_recovery_censored",
            "Scored attempts that had not recovered by their deadline: their time to recover is longer than it.",
            ["subject", "chaos", "mode"],
            registry=registry,
        )
        self._detection = Histogram(
            "evalcampaign_detection_seconds",
            "From the injection to the agent's ticket, of scored attempts of mode agent in which it came in time, and "
            "of no others: the rest is counted as undetected.",
            ["subject", "chaos"],
            buckets=ATTEMPT_BUCKETS,
            registry=registry,
        )
        self._undetected = Counter(
            "evalcampaign_undetected",
            "Scored attempts of mode agent without a ticket in time: the subject recovered first, or time was up.",
            ["subject", "chaos"],
            registry=registry,
        )
        self._status_writes = Counter(
            "evalcampaign_status_writes",
            "Tries to write a campaign's status, by how they went.",
            ["result"],
            registry=registry,
        )
        self._status_retries = Counter(
            "evalcampaign_status_write_retries",
            "Tries to write a campaign's status after one that had failed.",
            registry=registry,
        )
        self._requests = Counter(
            "evalcampaign_api_requests",
            "Requests to the API server that are over, watches of pods included; those that Kopf makes are not.",
            ["verb", "code"],
            registry=registry,
        )
        self._commits = Histogram(
            "evalcampaign_records_commit_seconds",
            "How long transactions took that were committed to the records.",
            buckets=COMMIT_BUCKETS,
            registry=registry,
        )
        self._agents = Counter(
            "evalcampaign_intake_requests",
            "Requests of agents to the intake, by the HTTP status that they were answered with.",
            ["status"],
            registry=registry,
        )
        self._lag = Histogram(
            "evalcampaign_event_loop_lag_seconds",
            "How much later than asked for the event loop woke a sleeper; sampled four times a second.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        build = Info("evalcampaign_build", "Which version this is.", registry=registry)
        build.info({"version": VERSION, "python": platform.python_version()})
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        # They begin at 0: a counter that appears with its first error has no rate before the second.
        for failure in Failure:
            self._infra_errors.labels(failure)
        for result in StatusWrite:
            self._status_writes.labels(result)
        for status in AGENT_STATUSES:
            self._agents.labels(str(status))

    def step_entered(self, attempt: str, step: Step, at: datetime) -> None:
        self._leave_step(attempt, at)
        self._open[attempt] = step, at

    def attempt_ended(self, ended: EndedAttempt) -> None:
        self._leave_step(ended.id, ended.at)
        what = (ended.subject, ended.chaos)
        self._attempts.labels(*what, ended.mode, ended.outcome).inc()
        if ended.outcome is Outcome.INFRA_ERROR:
            self._infra_errors.labels(ended.failure or Failure.UNEXPECTED).inc()
        if ended.cleanup_failed:
            self._cleanup_failures.labels(ended.subject).inc()
        if not (ended.outcome.scored and ended.mode.injects):
            return
        # Both series of a pair are created together, so that their ratio is 0 or 1 where one is 0, and not absent.
        recovered, censored = self._recovery.labels(*what, ended.mode), self._censored.labels(*what, ended.mode)
        if ended.time_to_recover is not None:
            recovered.observe(ended.time_to_recover)
        else:
            censored.inc()
        if ended.mode is not Mode.AGENT:
            return
        detected, undetected = self._detection.labels(*what), self._undetected.labels(*what)
        if ended.outcome.detected and ended.time_to_detect is not None:
            detected.observe(ended.time_to_detect)
        else:
            undetected.inc()

    def committed(self, seconds: float) -> None:
        self._commits.observe(seconds)

    def status_write(self, result: StatusWrite, again: bool) -> None:
        self._status_writes.labels(result).inc()
        if again:
            self._status_retries.inc()

    def requested(self, verb: str, status: int | None) -> None:
        code = "none" if status is None else f"{status // 100}xx"
        self._requests.labels(verb if verb in VERBS else "other", code).inc()

    def agent_answered(self, status: int) -> None:
        self._agents.labels(str(status) if status in AGENT_STATUSES else "other").inc()

    def lagged(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def _leave_step(self, attempt: str, at: datetime) -> None:
        if (left := self._open.pop(attempt, None)) is not None:
            step, since = left
            self._steps.labels(step).observe((at - since).total_seconds())
