"""An attempt's timeline: its events and times in order, and a summary of them in a few sentences. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controller.analysis.moments import MOMENTS
from controller.api import Outcome, Step
from controller.cli import formatting as text
from controller.jsontypes import Json
from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow, Event, Flag
from subjects import oldrecords


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An event, or (where `recorded`) one of the attempt's own times, from which its outcome was decided."""

    at: datetime
    what: str
    description: str
    recorded: bool = False


def timeline_entries(attempt: AttemptSummary, events: Sequence[Event]) -> list[TimelineEntry]:
    """Returns all events and recorded times, oldest first."""
    entries = [TimelineEntry(event.at, _event_name(event), _event_text(event)) for event in events]
    return sorted([*_recorded_times(attempt), *entries], key=lambda entry: entry.at)


def origin(attempt: AttemptSummary) -> tuple[datetime, str]:
    """Returns the time that the timeline counts from, and its name: the injection, or else the start."""
    if attempt.chaos_injected_at is not None:
        return attempt.chaos_injected_at, "injection"
    return attempt.started_at, "start (nothing was injected)"


def service_unknown(events: Sequence[Event]) -> tuple[datetime, float] | None:
    """Returns the time from which it was first unknown whether clients were served, and for how many seconds in all.

    Returns None where it was always known.
    """
    first, since, total = None, None, 0.0
    for event in events:
        if since is not None:
            total, since = total + (event.at - since).total_seconds(), None
        if event.kind == "verdict" and event.detail.get("serving", "cut off") is None:
            first, since = first or event.at, event.at
    return None if first is None else (first, total)


def _recorded_times(attempt: AttemptSummary) -> list[TimelineEntry]:
    times = ((moment, getattr(attempt, moment.attribute)) for moment in MOMENTS)
    return [
        TimelineEntry(at, moment.name, moment.meaning, recorded=True)
        for moment, at in times
        if at is not None and was_reached(at, attempt)
    ]


def was_reached(at: datetime, attempt: AttemptSummary) -> bool:
    """Returns whether the attempt lasted until then. An observation that ends early does not reach its deadline."""
    return attempt.ended_at is None or at <= attempt.ended_at


def _event_name(event: Event) -> str:
    return event.step if event.kind == "step" else event.kind


def _event_text(event: Event) -> str:
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
    """Returns whether the verdict is healthy. Records of earlier versions call the field `whole`."""
    healthy: bool | None = detail.get("healthy", detail.get("whole"))
    return healthy


WINDOWED = (Outcome.SELF_HEALED, Outcome.NOT_HEALED)


def summarize(campaign: CampaignRow, attempt: AttemptRow, events: Sequence[Event] = ()) -> str:
    """Returns a few sentences. Times count from the injection, or from the start where nothing was injected."""
    return " ".join(_capitalized(sentence) for sentence in _sentences(campaign, attempt, events))


def _sentences(campaign: CampaignRow, attempt: AttemptRow, events: Sequence[Event]) -> Iterator[str]:
    if attempt.chaos_injected_at is None:
        planned = f", though {attempt.target} had been chosen" if attempt.target else ""
        yield f"nothing was injected{planned}."
    else:
        yield f"at {text.second(attempt.chaos_injected_at)} UTC {_fault_sentence(campaign.chaos, attempt.fault or {})}."
        if attempt.outcome is Outcome.NOT_MANIFESTED:
            yield "nothing of it was ever seen."
        elif attempt.manifested_at is not None:
            yield from _service(attempt, events)
            yield from _recovery(attempt)
    yield from _agents_part(campaign, attempt)
    yield from _breaking_off(attempt, events)
    if attempt.error:
        yield f"{attempt.outcome or 'So far'}: {attempt.error}."


def _fault_sentence(chaos: str, fault: Mapping[str, Any]) -> str:
    """Returns the fault's own sentence. The oldest records have none, so theirs is made here."""
    return str(fault.get("happened") or oldrecords.describe_fault(chaos, fault))


def _service(attempt: AttemptRow, events: Sequence[Event]) -> Iterator[str]:
    unknown = service_unknown(events)
    lost = attempt.since_injection(attempt.serving_lost_at)
    again = attempt.since_injection(attempt.serving_again_at)
    if lost is None:
        seen = "clients were served throughout" if unknown is None else "no client was seen cut off"
        yield f"{seen}{_probe_source(attempt)}."
    elif again is None:
        yield f"clients were cut off at {text.offset(lost)} and not served again while it was watched."
    else:
        yield f"clients were cut off at {text.offset(lost)} and served again at {text.offset(again)}."
    if unknown is not None:
        since, seconds = unknown
        start = text.offset(attempt.since_injection(since))
        yield f"for {seconds:.1f} s, first at {start}, nobody could tell whether clients were served."


def _probe_source(attempt: AttemptRow) -> str:
    """Returns the source of the serving status, in the subject's words; empty where it is our own client."""
    state = attempt.initial_state or {}
    source = state.get("servingAccordingTo") or oldrecords.serving_according_to(state)
    return f", by {source}" if source else ""


def _recovery(attempt: AttemptRow) -> Iterator[str]:
    recovered = attempt.since_injection(attempt.recovered_at)
    if recovered is not None:
        yield f"the cluster was healthy again at {text.offset(recovered)}."
    elif attempt.outcome in WINDOWED and attempt.window is not None:
        yield f"it was not healthy again within {attempt.window:.0f} s."


def _agents_part(campaign: CampaignRow, attempt: AttemptRow) -> Iterator[str]:
    """Yields what the agent reported, and whether that was true."""
    if not campaign.mode.wants_agent or attempt.outcome is None or not attempt.outcome.scored:
        return
    since, _ = origin(attempt)

    def at(time: datetime) -> str:
        return text.offset((time - since).total_seconds())

    if attempt.false_alarms:
        tickets = "a ticket" if attempt.false_alarms == 1 else f"{attempt.false_alarms} tickets"
        yield f"the agent opened {tickets} before there was anything to find."
    if Flag.AGENT_EXITED in attempt.flags:
        yield "it ended by itself in the middle."
    if attempt.detected_at is None:
        yield "the agent had no ticket."
    elif attempt.resolution_at is None:
        yield f"the agent had a ticket at {at(attempt.detected_at)} and did not call it resolved."
    else:
        truly = ", which was not so" if attempt.outcome is Outcome.FALSE_RESOLUTION else ""
        detected, resolved = at(attempt.detected_at), at(attempt.resolution_at)
        yield f"the agent had a ticket at {detected} and called it resolved at {resolved}{truly}."


def _breaking_off(attempt: AttemptRow, events: Sequence[Event]) -> Iterator[str]:
    """Yields when an attempt was aborted or interrupted, and when its fault was reverted."""
    if attempt.outcome not in (Outcome.ABORTED, Outcome.INTERRUPTED) or attempt.ended_at is None:
        return
    since, _ = origin(attempt)
    undone = [event.at for event in events if event.step is Step.CLEANUP]
    when = f" at {text.offset((undone[0] - since).total_seconds())}" if undone else ""
    done = f", and undone by {text.offset((attempt.ended_at - since).total_seconds())}" if attempt.fault else ""
    yield f"it was broken off{when}{done}."


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
