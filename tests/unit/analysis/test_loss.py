from __future__ import annotations

from dataclasses import replace

import pytest

from controller.analysis.comparison import compare
from controller.analysis.conclusion import Conclusion, at_worst
from controller.analysis.trial import Trial
from controller.api import Outcome
from tests.unit.analysis.samples import arm, healing, trial

SLOW = healing(*[40.0 + i % 7 for i in range(20)])
QUICK = healing(*[10.0 + i % 5 for i in range(20)])


def lost(index: int, outcome: Outcome = Outcome.INFRA_ERROR) -> Trial:
    return trial(index, outcome, window=None)


def rerun(trials: list[Trial], *indices: int) -> list[Trial]:
    """The same, with an attempt before each of these that was lost."""
    again = [replace(each, attempt=2) if each.trial in indices else each for each in trials]
    return [*(lost(index) for index in indices), *again]


def test_a_lost_attempt_counts_as_unrecovered_also_where_the_trial_was_run_again() -> None:
    worst = at_worst([lost(1), trial(1, Outcome.SELF_HEALED, attempt=2, recovered=3.0), *healing(4.0, 5.0)[1:]])
    assert [(each.trial, each.recovered_in_time, each.deadline) for each in worst] == [(1, None, 60), (2, 5.0, 60)]


def test_of_an_arm_with_nothing_scored_nothing_is_made_up() -> None:
    assert at_worst([lost(1), lost(2)]) == [lost(1), lost(2)]


def test_identical_arms_of_which_one_hides_its_failures_are_no_better_at_worst() -> None:
    """Both fail in every other trial; the one runs those again until they succeed."""
    failing = [replace(each, recovered=None, outcome=Outcome.NOT_HEALED) if each.trial % 2 else each for each in QUICK]
    hidden = rerun(QUICK, *range(1, 20, 2))
    found = compare(arm("hides", hidden), arm("shows", failing))
    assert (found.conclusion, found.worst_case) == (Conclusion.BETTER, Conclusion.NO_DIFFERENCE)
    (said,) = [note for note in found.notes if note.startswith("Worst case")]
    assert "trials of hides" in said and said.endswith("would be: no detectable difference.")
    assert any(
        "10 of 30 attempts (InfraError 10) of hides, and 0 of 20 attempts of shows" in note for note in found.notes
    )
    turned = compare(arm("shows", failing), arm("hides", hidden))
    assert (turned.conclusion, turned.worst_case) == (Conclusion.WORSE, Conclusion.NO_DIFFERENCE)


def test_what_the_other_arm_lost_does_not_help_the_one_that_is_ahead() -> None:
    found = compare(arm("quick", QUICK), arm("slow", rerun(SLOW, 1, 2, 3)))
    assert found.worst_case is found.conclusion is Conclusion.BETTER
    assert not any(note.startswith("Worst case") for note in found.notes)


def test_few_losses_of_a_clear_winner_change_nothing_and_that_is_said() -> None:
    found = compare(arm("quick", rerun(QUICK, 4)), arm("slow", SLOW))
    assert any(note.endswith("the conclusion stays: better.") for note in found.notes)


def test_where_nobody_is_ahead_the_worst_is_made_of_both() -> None:
    found = compare(arm("one", rerun(QUICK, *range(1, 16))), arm("other", [*QUICK]))
    assert (found.conclusion, found.worst_case) == (Conclusion.NO_DIFFERENCE, Conclusion.WORSE)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if not outcome.scored])
def test_every_reason_not_to_score_an_attempt_is_a_loss(outcome: Outcome) -> None:
    found = compare(arm("one", [*QUICK, lost(21, outcome)]), arm("other", SLOW))
    assert any(f"1 of 21 attempts ({outcome} 1) of one" in note for note in found.notes)


def test_arms_that_lost_alike_are_not_named() -> None:
    found = compare(arm("one", rerun(QUICK, 3)), arm("other", rerun(SLOW, 5)))
    assert not any("lost attempts differently" in note for note in found.notes)
