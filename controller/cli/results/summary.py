"""An attempt as a person would tell it: what was broken, what that cost, and how it ended. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from controller.api import Outcome, Step
from controller.cli import formatting as text
from controller.cli.results.timeline import origin, service_unknown
from controller.records.rows import AttemptRow, CampaignRow, Event, Flag
from subjects import oldrecords

WINDOWED = (Outcome.SELF_HEALED, Outcome.NOT_HEALED)


def summarize(campaign: CampaignRow, attempt: AttemptRow, events: Sequence[Event] = ()) -> str:
    """A few sentences; times count from the injection, or from the start where nothing was injected."""
    return " ".join(_capitalized(sentence) for sentence in _sentences(campaign, attempt, events))


def _sentences(campaign: CampaignRow, attempt: AttemptRow, events: Sequence[Event]) -> Iterator[str]:
    if attempt.chaos_injected_at is None:
        planned = f", though {attempt.target} had been chosen" if attempt.target else ""
        yield f"nothing was injected{planned}."
    else:
        yield f"at {text.second(attempt.chaos_injected_at)} UTC {_what(campaign.chaos, attempt.fault or {})}."
        if attempt.outcome is Outcome.NOT_MANIFESTED:
            yield "nothing of it was ever seen."
        elif attempt.manifested_at is not None:
            yield from _service(attempt, events)
            yield from _recovery(attempt)
    yield from _agents_part(campaign, attempt)
    yield from _breaking_off(attempt, events)
    if attempt.error:
        yield f"{attempt.outcome or 'So far'}: {attempt.error}."


def _what(chaos: str, fault: Mapping[str, Any]) -> str:
    """In the fault's own words; the oldest records have none."""
    return str(fault.get("happened") or oldrecords.describe_fault(chaos, fault))


def _service(attempt: AttemptRow, events: Sequence[Event]) -> Iterator[str]:
    unknown = service_unknown(events)
    lost = attempt.since_injection(attempt.serving_lost_at)
    again = attempt.since_injection(attempt.serving_again_at)
    if lost is None:
        seen = "clients were served throughout" if unknown is None else "no client was seen cut off"
        yield f"{seen}{_source(attempt)}."
    elif again is None:
        yield f"clients were cut off at {text.offset(lost)} and not served again while it was watched."
    else:
        yield f"clients were cut off at {text.offset(lost)} and served again at {text.offset(again)}."
    if unknown is not None:
        since, seconds = unknown
        start = text.offset(attempt.since_injection(since))
        yield f"for {seconds:.1f} s, first at {start}, nobody could tell whether clients were served."


def _source(attempt: AttemptRow) -> str:
    """By whose word clients were served, where it was not that of a client of ours: in the subject's own words."""
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
    """What the agent said, and whether it was so."""
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
    """Of an attempt that was not watched to its end: when that was, and that it was undone."""
    if attempt.outcome not in (Outcome.ABORTED, Outcome.INTERRUPTED) or attempt.ended_at is None:
        return
    since, _ = origin(attempt)
    undone = [event.at for event in events if event.step is Step.CLEANUP]
    when = f" at {text.offset((undone[0] - since).total_seconds())}" if undone else ""
    done = f", and undone by {text.offset((attempt.ended_at - since).total_seconds())}" if attempt.fault else ""
    yield f"it was broken off{when}{done}."


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
