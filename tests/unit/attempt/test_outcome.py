"""The outcome is a function of the inputs: every combination of what may have happened, against the rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from controller.api import Mode, Outcome
from controller.attempt.outcome import OutcomeInputs, StopReason, decide_outcome

DEADLINE = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = {
    "never": None,
    "long before": DEADLINE - timedelta(seconds=60),
    "just before": DEADLINE - timedelta(microseconds=1),
    "at the deadline": DEADLINE,
    "just after": DEADLINE + timedelta(microseconds=1),
}
IN_TIME = {"long before", "just before", "at the deadline"}
CUT_SHORT = list(product([None, *StopReason], [False, True], [False, True]))
"""Why it was told to stop, whether something failed, whether it is unknown if the fault was applied."""


def inputs(manifested: str = "never", recovered: str = "never", **known: Any) -> OutcomeInputs:
    times: dict[str, Any] = {"manifested_at": MOMENTS[manifested], "recovered_at": MOMENTS[recovered]}
    return OutcomeInputs(mode=Mode.BASELINE, deadline_at=DEADLINE, **times, **known)


OBSERVED: list[tuple[str, str, Outcome]] = [
    *(("never", recovered, Outcome.NOT_MANIFESTED) for recovered in MOMENTS),
    *(
        (manifested, recovered, Outcome.SELF_HEALED if recovered in IN_TIME else Outcome.NOT_HEALED)
        for manifested, recovered in product(MOMENTS, MOMENTS)
        if manifested != "never"
    ),
]


@pytest.mark.parametrize(("manifested", "recovered", "outcome"), OBSERVED)
def test_an_attempt_that_was_observed_to_its_end_is_judged_by_its_times_alone(
    manifested: Any, recovered: Any, outcome: Any
) -> None:
    for stopped, failed, unknown in CUT_SHORT:
        seen = inputs(manifested, recovered, observed=True, stopped=stopped, failed=failed, injection_unknown=unknown)
        assert decide_outcome(seen) is outcome


def test_the_table_is_complete() -> None:
    assert {(manifested, recovered) for manifested, recovered, _ in OBSERVED} == set(product(MOMENTS, MOMENTS))


ENDED_BY_PEOPLE = {StopReason.ABORTED, StopReason.DELETED, StopReason.OVERDUE}
"""By what they asked: the campaign is over, and the trial is not run again."""


@pytest.mark.parametrize(("stopped", "failed", "unknown"), [why for why in CUT_SHORT if why[0] or why[1]])
def test_an_attempt_that_was_cut_short_is_never_scored_whatever_was_seen_by_then(
    stopped: Any, failed: Any, unknown: Any
) -> None:
    for manifested, recovered in product(MOMENTS, MOMENTS):
        decided = decide_outcome(
            inputs(manifested, recovered, stopped=stopped, failed=failed, injection_unknown=unknown)
        )
        if stopped in ENDED_BY_PEOPLE:
            assert decided is Outcome.ABORTED and not decided.repeated
        elif stopped is StopReason.EXITING or unknown:
            assert decided is Outcome.INTERRUPTED and decided.repeated
        else:
            assert decided is Outcome.INFRA_ERROR and decided.repeated
        assert not decided.scored


def test_without_a_deadline_nothing_was_observed() -> None:
    with pytest.raises(AssertionError, match="has a deadline"):
        decide_outcome(OutcomeInputs(mode=Mode.BASELINE, manifested_at=DEADLINE, observed=True))


def test_an_attempt_that_neither_ended_nor_was_cut_short_has_no_outcome() -> None:
    with pytest.raises(AssertionError, match="observed, stopped or failed"):
        decide_outcome(inputs())


def test_of_all_outcomes_only_those_that_say_something_are_scored() -> None:
    unscored = {Outcome.NOT_MANIFESTED, Outcome.INFRA_ERROR, Outcome.INTERRUPTED, Outcome.ABORTED}
    assert {outcome for outcome in Outcome if not outcome.scored} == unscored
