"""With an agent: every combination of when it had a ticket, called it resolved, and the subject recovered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from controller.api import Mode, Outcome
from controller.attempt.outcome import OutcomeInputs, StopReason, decide_outcome

START = datetime(2026, 1, 1, tzinfo=UTC)
OBSERVE, CONFIRM = 60, 10
TIMES = (None, 5, 20, 25, 31, OBSERVE, OBSERVE + 1)
"""Seconds after the injection: within and outside of what may be confirmed, at the deadline, too late, never."""


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def inputs(
    mode: Mode = Mode.AGENT,
    ticket: Any = None,
    resolved: Any = None,
    recovered: Any = None,
    healthy_last: bool = True,
    **known: Any,
) -> OutcomeInputs:
    return OutcomeInputs(
        mode=mode,
        deadline_at=at(OBSERVE),
        manifested_at=known.pop("manifested_at", START),
        recovered_at=at(recovered),
        ticket_at=at(ticket),
        resolved_at=at(resolved),
        confirm=timedelta(seconds=CONFIRM),
        healthy_last=healthy_last,
        observed=known.pop("observed", True),
        **known,
    )


def rule(ticket: Any, resolved: Any, recovered: Any, healthy_last: Any) -> Outcome:
    """The same in other words: what people are told in the docs."""
    healed = recovered is not None and recovered <= OBSERVE
    found = ticket is not None and ticket <= OBSERVE and not (healed and recovered < ticket)
    if not found:
        return Outcome.SELF_HEALED if healed else Outcome.UNDETECTED
    if resolved is None or resolved > OBSERVE:
        return Outcome.DETECTED_UNRESOLVED
    true = healed and recovered <= min(resolved + CONFIRM, OBSERVE) and healthy_last
    return Outcome.RESOLVED if true else Outcome.FALSE_RESOLUTION


def every_story() -> Any:
    return product(TIMES, TIMES, TIMES, (True, False, None))


def test_every_combination_of_times_has_the_outcome_that_the_rules_say() -> None:
    seen = set()
    for story in every_story():
        ticket, resolved, recovered, healthy_last = story
        if resolved is not None and ticket is None:
            continue  # nothing is resolved that was never opened
        decided = decide_outcome(
            inputs(ticket=ticket, resolved=resolved, recovered=recovered, healthy_last=healthy_last)
        )
        assert decided is rule(*story), story
        seen.add(decided)
    assert seen == {
        Outcome.RESOLVED,
        Outcome.FALSE_RESOLUTION,
        Outcome.DETECTED_UNRESOLVED,
        Outcome.UNDETECTED,
        Outcome.SELF_HEALED,
    }


@pytest.mark.parametrize(
    ("who", "story", "outcome"),
    [
        ("fixer", {"ticket": 3, "resolved": 12, "recovered": 10}, Outcome.RESOLVED),
        ("hasty fixer", {"ticket": 3, "resolved": 5, "recovered": 14}, Outcome.RESOLVED),
        ("liar", {"ticket": 3, "resolved": 5}, Outcome.FALSE_RESOLUTION),
        ("lucky liar", {"ticket": 3, "resolved": 5, "recovered": 30}, Outcome.FALSE_RESOLUTION),
        ("watcher", {"ticket": 3}, Outcome.DETECTED_UNRESOLVED),
        ("watcher of what heals", {"ticket": 3, "recovered": 20}, Outcome.DETECTED_UNRESOLVED),
        ("sleeper", {}, Outcome.UNDETECTED),
        ("sleeper over what heals", {"recovered": 20}, Outcome.SELF_HEALED),
        ("latecomer", {"ticket": 21, "resolved": 22, "recovered": 20}, Outcome.SELF_HEALED),
        ("wrecker", {"ticket": 3, "resolved": 12, "recovered": 10, "healthy_last": False}, Outcome.FALSE_RESOLUTION),
    ],
)
def test_each_kind_of_agent_is_told_from_the_others(who: Any, story: Any, outcome: Any) -> None:
    assert decide_outcome(inputs(**story)) is outcome


def test_the_agent_is_not_asked_in_a_baseline() -> None:
    for ticket, resolved, recovered, healthy_last in every_story():
        told = inputs(Mode.BASELINE, ticket, resolved, recovered, healthy_last)
        healed = recovered is not None and recovered <= OBSERVE
        assert decide_outcome(told) is (Outcome.SELF_HEALED if healed else Outcome.NOT_HEALED)


def test_in_a_control_only_a_ticket_in_the_window_counts() -> None:
    for ticket, resolved, recovered, healthy_last in every_story():
        told = inputs(Mode.CONTROL, ticket, resolved, recovered, healthy_last, manifested_at=None)
        alarmed = ticket is not None and ticket <= OBSERVE
        assert decide_outcome(told) is (Outcome.FALSE_ALARM if alarmed else Outcome.QUIET)


@pytest.mark.parametrize("mode", [Mode.AGENT, Mode.BASELINE])
def test_a_fault_that_never_showed_is_nobodys_success(mode: Any) -> None:
    for ticket, resolved, recovered, healthy_last in every_story():
        told = inputs(mode, ticket, resolved, recovered, healthy_last, manifested_at=None)
        assert decide_outcome(told) is Outcome.NOT_MANIFESTED


@pytest.mark.parametrize("mode", list(Mode))
def test_what_was_not_watched_to_its_end_is_not_scored_in_any_mode(mode: Any) -> None:
    for stopped, failed in product([None, *StopReason], [False, True]):
        if stopped or failed:
            told = inputs(mode, 3, 12, 10, observed=False, stopped=stopped, failed=failed)
            assert not decide_outcome(told).scored
