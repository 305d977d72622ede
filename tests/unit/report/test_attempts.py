from __future__ import annotations

import pytest

from controller.api import Outcome
from controller.report.attempts import (
    MAX_CHANGES,
    MAX_UNFOLDED_CHARACTERS,
    MAX_VALUE_CHARACTERS,
    SIGNS,
    WORDS,
    AgentStep,
    format_value,
    outcome_kind,
)
from tests.unit.records.samples import at
from tests.unit.report.samples import HOSTILE, command, section, thought


def test_marks_come_in_their_order_with_their_place_on_the_line() -> None:
    made = section()
    assert made.target == HOSTILE
    assert [(moment.name, moment.seconds) for moment in made.moments] == [
        ("injected", 0),
        ("manifested", 0.5),
        ("serving lost", 1),
        ("detected", 4),
        ("serving again", 9),
        ("resolved", 12),
        ("recovered", 14),
        ("deadline", 60),
    ]
    assert made.moments[-1].percent == 100
    assert {period.name: (period.start, round(period.start + period.length, 2)) for period in made.periods} == {
        "broken": (0.83, 23.33),
        "healthy": (23.33, 100.0),
        "cut": (1.67, 15.0),
    }


def test_what_never_recovered_is_broken_to_the_end() -> None:
    made = section(recovered_at=None, serving_again_at=None, outcome=Outcome.DETECTED_UNRESOLVED)
    ends = {period.name: period.start + period.length for period in made.periods}
    assert ends["broken"] == ends["cut"] == 100
    assert made.kind == "half"


def test_a_control_is_healthy_all_along() -> None:
    nothing = ("chaos_injected_at", "manifested_at", "serving_lost_at", "serving_again_at", "recovered_at")
    made = section(**dict.fromkeys(nothing), fault=None, outcome=Outcome.QUIET)
    assert [(period.name, period.length) for period in made.periods] == [("healthy", 100)]


def test_commands_and_reasoning_are_in_order_and_what_has_no_time_stays_where_it_was() -> None:
    commands = [command(12, "first"), command(None, "second"), command(20, "third")]
    reasoning = [thought(13, "to it", 2), thought(None, "still", 2), thought(None, "done", 3)]
    made = section(commands=commands, reasoning=reasoning)
    assert [each.text for each in made.steps] == ["first", "second", "to it", "still", "third", "done"]
    assert made.steps[0].at == pytest.approx(2)


def test_a_state_that_was_not_captured_is_unknown_and_not_unchanged() -> None:
    assert section(final_state=None).changes is None
    same = {"leader": "etcd-1"}
    assert section(initial_state=same, final_state=same).changes == ()


def test_long_things_are_cut_and_it_is_said() -> None:
    many = {str(i): i for i in range(MAX_CHANGES + 5)}
    made = section(initial_state={}, final_state=many)
    assert made.changes is not None
    assert (len(made.changes), made.more_changes) == (MAX_CHANGES, 5)
    assert format_value("x" * 1000) == "x" * (MAX_VALUE_CHARACTERS - 1) + "… (1,000 characters)"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_colour_and_what_says_nothing_has_none(outcome: Outcome) -> None:
    assert (outcome_kind(outcome) == "none") == (not outcome.scored)
    assert SIGNS[outcome_kind(outcome)] and WORDS[outcome]


def test_an_attempt_that_is_under_way_can_be_told() -> None:
    made = section(outcome=None, ended_at=None, recovered_at=None, deadline_at=at(70), commands=None)
    assert (made.outcome, made.kind) == ("(record)", "none")


def test_a_long_text_is_folded_and_shows_how_it_begins() -> None:
    assert AgentStep("reasoning", 0, "x" * MAX_UNFOLDED_CHARACTERS).excerpt is None
    assert AgentStep("reasoning", 0, "\n" + "x" * MAX_UNFOLDED_CHARACTERS).excerpt == f"{'x' * 100}… (601 characters)"
    assert AgentStep("command", 0, "kubectl apply -f - <<EOF\n" + "a: 1\n" * 8).excerpt is not None


def test_an_agent_that_only_thought_is_told_and_one_that_was_not_looked_at_did_not_do_nothing() -> None:
    made = section(commands=[], reasoning=[thought(13, "I wait", 0)])
    assert ([each.text for each in made.steps], made.log_kept) == (["I wait"], True)
    unseen = section(commands=None, reasoning=None)
    assert (unseen.steps, unseen.log_kept) == ((), False)
