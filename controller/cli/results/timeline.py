"""The moments of an attempt in their order: its events, and the facts that its times state. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.jsontypes import Json
from controller.records.rows import AttemptSummary, Event


@dataclass(frozen=True, slots=True)
class Moment:
    """Something at a time. `fact` says that it is one of the attempt's times, which the outcome was decided from."""

    at: datetime
    what: str
    detail: str
    fact: bool = False


def moments(attempt: AttemptSummary, events: Sequence[Event]) -> list[Moment]:
    """Everything that happened, oldest first."""
    recorded = [Moment(event.at, _what(event), _detail(event)) for event in events]
    return sorted([*_facts(attempt), *recorded], key=lambda moment: moment.at)


def origin(attempt: AttemptSummary) -> tuple[datetime, str]:
    """The instant that the timeline counts from, and its name: the injection, or the start where there was none."""
    if attempt.chaos_injected_at is not None:
        return attempt.chaos_injected_at, "injection"
    return attempt.started_at, "start (nothing was injected)"


def service_unknown(events: Sequence[Event]) -> tuple[datetime, float] | None:
    """Since when, and for how many seconds in all, nobody knew whether clients were served; None where always known."""
    first, since, total = None, None, 0.0
    for event in events:
        if since is not None:
            total, since = total + (event.at - since).total_seconds(), None
        if event.kind == "verdict" and event.detail.get("serving", "cut off") is None:
            first, since = first or event.at, event.at
    return None if first is None else (first, total)


def _facts(attempt: AttemptSummary) -> list[Moment]:
    facts = [
        (attempt.chaos_injected_at, "injected", "the request that was accepted was sent"),
        (attempt.manifested_at, "manifested", "first sign of the fault"),
        (attempt.detected_at, "detected", "the agent has a ticket"),
        (attempt.resolution_at, "resolved", "the agent calls it resolved"),
        (attempt.serving_lost_at, "serving lost", "clients are cut off"),
        (attempt.serving_again_at, "serving again", "clients are served"),
        (attempt.recovered_at, "recovered", "healthy from here on"),
        (attempt.deadline_at, "deadline", "end of the observation window"),
    ]
    return [Moment(at, what, detail, fact=True) for at, what, detail in facts if at is not None and came(at, attempt)]


def came(at: datetime, attempt: AttemptSummary) -> bool:
    """Whether the attempt lasted until then: an observation that is over early never comes to its deadline."""
    return attempt.ended_at is None or at <= attempt.ended_at


def _what(event: Event) -> str:
    return event.step if event.kind == "step" else event.kind


def _detail(event: Event) -> str:
    detail = event.detail
    if event.kind == "verdict":
        return _verdict(detail)
    return ", ".join(f"{key} {value if isinstance(value, str) else json.dumps(value)}" for key, value in detail.items())


def _verdict(detail: Json) -> str:
    answers = {True: "yes", False: "no", None: "unknown"}
    text = f"serving {answers[detail.get('serving')]}, healthy {answers[_healthy(detail)]}"
    problems = "; ".join(problem.get("message", "") for problem in detail.get("problems", ()))
    return f"{text}: {problems}" if problems else text


def _healthy(detail: Json) -> bool | None:
    """What the verdict says of health. Records of earlier versions call it `whole`."""
    healthy: bool | None = detail.get("healthy", detail.get("whole"))
    return healthy
