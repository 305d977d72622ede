"""When an observation is over depends on the mode, and on what the agent has still to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.api import Mode
from controller.attempt.observation import AgentProgress, Observation, ObservationEnd, add_verdict
from tests.unit.attempt.test_observation import FAULT, WINDOW, at, healthy, hurt


def fold(mode: Any, *seen: Any, fault: Any = FAULT) -> Any:
    """Fold pairs of a verdict and what is known of the agent by then; (when it ended, how, the rest)."""
    window, state = replace(WINDOW, mode=mode), Observation()
    for verdict, work in seen:
        state = add_verdict(window, fault, state, verdict, work)
        if state.ended:
            break
    return state


def healing(work: Any, until: float = 12.0) -> Any:
    """Hurt at 0.5, healthy from 1.0 on, looked at each half second."""
    verdicts = [hurt(0.5), *(healthy(1.0 + i / 2) for i in range(int((until - 1) * 2) + 1))]
    return [(verdict, work(verdict.at)) for verdict in verdicts]


def unseen(now: Any) -> Any:
    return AgentProgress(looked_at=now)


def test_an_agent_that_had_no_ticket_when_the_subject_recovered_is_not_waited_for() -> None:
    seen = fold(Mode.AGENT, *healing(unseen))
    assert (seen.ended, seen.recovered_at, seen.last.at) == (ObservationEnd.RECOVERED, at(1.0), at(3.0))


def test_that_it_had_none_is_known_only_after_a_look() -> None:
    blind = fold(Mode.AGENT, *healing(lambda now: AgentProgress(looked_at=at(0.9)), until=5))
    assert (blind.ended, blind.recovered_at) == (None, at(1.0))


def test_an_open_ticket_is_waited_for_until_the_deadline() -> None:
    seen = fold(Mode.AGENT, *healing(lambda now: AgentProgress(at(0.8), None, now)))
    assert (seen.ended, seen.recovered_at, seen.last.at) == (ObservationEnd.DEADLINE, at(1.0), at(10.0))


def test_it_is_over_when_the_ticket_is_resolved() -> None:
    seen = fold(Mode.AGENT, *healing(lambda now: AgentProgress(at(0.8), at(5.0) if now >= at(5.0) else None, now)))
    assert (seen.ended, seen.last.at) == (ObservationEnd.RECOVERED, at(5.0))


def test_a_ticket_resolved_too_early_does_not_end_it_before_the_subject_recovered() -> None:
    seen = fold(Mode.AGENT, *[(hurt(i / 2), AgentProgress(at(0.2), at(0.4), at(i / 2))) for i in range(1, 30)])
    assert (seen.ended, seen.recovered_at) == (ObservationEnd.DEADLINE, None)


def test_what_went_wrong_again_is_known_though_it_recovered_once() -> None:
    story = healing(lambda now: AgentProgress(at(0.8), None, now), until=6)
    seen = fold(Mode.AGENT, *story, *[(hurt(6.5 + i / 2), AgentProgress(at(0.8), None, at(6.5))) for i in range(10)])
    assert (seen.ended, seen.recovered_at, seen.healthy_last) == (ObservationEnd.DEADLINE, at(1.0), False)


@pytest.mark.parametrize("work", [AgentProgress(), AgentProgress(at(1), at(2), at(3))])
def test_a_control_waits_out_its_window_whatever_the_agent_does(work: Any) -> None:
    seen = fold(Mode.CONTROL, *[(healthy(i / 2), work) for i in range(30)], fault=None)
    assert (seen.ended, seen.last.at, seen.manifested_at, seen.recovered_at) == (
        ObservationEnd.DEADLINE,
        at(10),
        None,
        None,
    )
    assert not seen.degraded


def test_a_control_in_which_the_subject_was_degraded_says_so_and_nothing_manifested() -> None:
    seen = fold(
        Mode.CONTROL,
        (healthy(0), AgentProgress()),
        (hurt(1), AgentProgress()),
        (healthy(2), AgentProgress()),
        fault=None,
    )
    assert seen.degraded and seen.manifested_at is None
