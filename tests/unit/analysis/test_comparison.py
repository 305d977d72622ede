from __future__ import annotations

import pytest

from controller.analysis.comparison import compare, compare_all
from controller.analysis.errors import NotComparable
from controller.analysis.pairing import pair
from controller.analysis.verdict import Verdict
from controller.api import Outcome
from tests.unit.analysis.samples import arm, healing, trial

QUICK = healing(*[10.0 + i % 5 for i in range(20)])
SLOW = healing(*[40.0 + i % 7 for i in range(20)])
NEVER = healing(*[None] * 20)


def agent(name: str, of, /, **asked):
    return arm(name, of, mode="agent", agent={"source": "http"}, **asked)


def test_the_quicker_arm_is_better_and_says_by_how_much_in_which_interval_and_of_how_many():
    found = compare(agent("helper", QUICK), arm("nobody", SLOW))
    assert found.verdict is Verdict.BETTER
    assert found.sentence.startswith("helper is better than nobody: it recovers 30.9 s sooner (difference -30.")
    for part in ("95 % interval -31.", "p < 0.001", "20 pairs of trials", "up to 60 s"):
        assert part in found.sentence


def test_a_baseline_that_heals_itself_can_win():
    found = compare(agent("meddler", NEVER), arm("nobody", QUICK))
    assert found.verdict is Verdict.WORSE
    assert "recovers 48.0 s later" in found.sentence


def test_no_detectable_difference_says_what_could_have_been_detected():
    found = compare(arm("one", SLOW), arm("other", [*SLOW[:19], healing(41.5)[0]]))
    assert found.verdict is Verdict.NO_DIFFERENCE
    assert found.difference is not None and found.difference.detectable is not None
    assert f"{found.difference.detectable:.1f} s or more would have been found with 80 % probability" in found.sentence


@pytest.mark.parametrize("n", [0, 1, 3])
def test_three_trials_each_are_too_few_whatever_they_show(n: int):
    found = compare(arm("one", QUICK[:n]), arm("other", NEVER[:n]))
    assert (found.verdict, found.difference, found.p) == (Verdict.TOO_FEW, None, None)
    assert "Too few trials" in found.sentence


def test_campaigns_that_asked_something_else_are_refused_and_the_fields_are_named():
    with pytest.raises(NotComparable, match=r"chaos\.params\.count, observeSeconds"):
        compare(
            arm("one", QUICK),
            arm("other", SLOW, observeSeconds=90, chaos={"type": "pod_kill", "params": {"count": 2}}),
        )


def test_who_acts_and_how_often_is_no_difference():
    found = compare(agent("helper", QUICK, variant={"name": "v2"}, trials=50, seed=4), arm("nobody", SLOW))
    assert found.warnings == ()


def test_forced_comparisons_say_so():
    found = compare(arm("one", QUICK), arm("other", SLOW, settleSeconds=9), force=True)
    assert found.warnings == ("Forced: the two did not ask the same; they differ in settleSeconds.",)


def test_a_control_is_not_compared_even_when_forced_for_nothing_was_broken():
    with pytest.raises(NotComparable, match="is a control"):
        compare(agent("helper", QUICK), arm("quiet", [], mode="control"), force=True)


def test_a_campaign_is_not_compared_with_itself():
    with pytest.raises(NotComparable, match="with itself"):
        compare(arm("one", QUICK), arm("one", QUICK))


def test_trials_are_paired_by_index_and_seed_and_the_rest_is_counted():
    others = [each for each in SLOW if each.trial != 7]
    found = pair(QUICK, others)
    assert (found.paired, found.left_out, len(found.first)) == (True, 1, 19)
    assert [each.trial for each in found.first] == [each.trial for each in found.second]


def test_trials_of_other_seeds_are_compared_without_pairs():
    found = pair(QUICK, healing(*[40.0] * 20, seed=900))
    assert (found.paired, len(found.first), len(found.second)) == (False, 20, 20)


def test_pairs_are_not_worth_the_loss_of_most_trials_of_an_arm():
    found = pair(QUICK, SLOW[:10])
    assert (found.paired, len(found.first), len(found.second)) == (False, 20, 10)


def test_what_is_not_scored_is_not_compared():
    found = pair([*QUICK[:8], trial(9, Outcome.INFRA_ERROR)], SLOW[:9])
    assert len(found.first) == 8


def test_several_comparisons_are_adjusted_and_say_so():
    third = agent("third", healing(*[11.0 + i % 6 for i in range(20)]))
    quick, slow = agent("quick", QUICK), agent("slow", SLOW)
    alone = compare(quick, third)
    both, among, _ = compare_all([(quick, slow), (quick, third), (third, slow)])
    assert alone.p is not None and among.p is not None
    assert both.verdict is Verdict.BETTER
    assert (among.p, among.comparisons) == (pytest.approx(alone.p), 3)
    assert both.p == pytest.approx(3 * (compare(quick, slow).p or 1))
    assert "adjusted for 3 comparisons (Holm)" in both.sentence
    assert "Holm" not in compare_all([(quick, slow)])[0].sentence
