from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.analysis.comparison import compare, compare_all, pair
from controller.analysis.conclusion import Conclusion
from controller.analysis.errors import NotComparable
from controller.analysis.trial import Arm, Trial
from controller.api import Outcome, Phase
from controller.records.rows import Flag
from tests.unit.analysis.samples import arm, healing, trial

QUICK = healing(*[10.0 + i % 5 for i in range(20)])
SLOW = healing(*[40.0 + i % 7 for i in range(20)])
NEVER = healing(*[None] * 20)


def agent(name: str, of: list[Trial], /, **asked: Any) -> Arm:
    return arm(name, of, mode="agent", agent={"source": "http"}, **asked)


def test_the_quicker_arm_is_better_and_says_by_how_much_in_which_interval_and_of_how_many() -> None:
    found = compare(agent("helper", QUICK), arm("nobody", SLOW))
    assert found.conclusion is Conclusion.BETTER
    said = (
        "helper is better than nobody: within the first 60 s of a trial it was unrecovered for 30.9 s less, on average"
    )
    assert found.sentence.startswith(said)
    for part in (
        "interval of the difference -",
        "p < 0.001",
        "20 pairs of trials",
        "Recovered by then: 20 of 20 of helper",
    ):
        assert part in found.sentence


def test_a_baseline_that_heals_itself_can_win() -> None:
    found = compare(agent("meddler", NEVER), arm("nobody", QUICK))
    assert found.conclusion is Conclusion.WORSE
    assert "it was unrecovered for 48.0 s more" in found.sentence
    assert "0 of 20 of meddler, 20 of 20 of nobody (difference -100 points" in found.sentence


def test_no_detectable_difference_claims_nothing_of_what_would_have_been_found() -> None:
    found = compare(arm("one", SLOW), arm("other", [*SLOW[:19], healing(41.5)[0]]))
    assert found.conclusion is Conclusion.NO_DIFFERENCE
    assert "probability" not in found.sentence


def test_an_arm_that_recovers_less_often_and_is_unrecovered_for_less_time_is_never_called_sooner() -> None:
    """Fourteen of twenty at once, and the rest never, against twenty just before the deadline."""
    often = healing(*[1.0 + i / 10 for i in range(14)], *[None] * 6)
    found = compare(agent("one", often), arm("other", healing(*[58.0 + i / 20 for i in range(20)])))
    assert found.conclusion is Conclusion.BETTER
    assert "14 of 20 of one, 20 of 20 of other" in found.sentence
    assert "Rate and time disagree: one was unrecovered for less time, and yet recovered less often." in found.sentence
    assert "sooner" not in found.sentence
    assert found.rates is not None and (found.rates.recovered, found.rates.test) == ((14, 20), "McNemar's exact test")
    turned = compare(arm("other", healing(*[58.0 + i / 20 for i in range(20)])), agent("one", often))
    assert "other was unrecovered for more time, and yet recovered more often." in turned.sentence


def test_rates_that_differ_where_the_times_do_not_are_named() -> None:
    late = healing(*[59.0] * 20)
    found = compare(arm("one", late), arm("other", healing(*[None] * 20)))
    assert found.conclusion is Conclusion.NO_DIFFERENCE
    assert "Rate and time disagree: the times do not tell the two apart; one recovered more often." in found.sentence


def test_where_neither_ever_recovered_no_seconds_are_made_up() -> None:
    found = compare(arm("one", NEVER), arm("other", NEVER))
    assert found.conclusion is Conclusion.NO_DIFFERENCE
    assert "neither recovered within 60 s in any trial" in found.sentence
    assert found.difference is not None and found.difference.low < -5 and found.difference.high > 5


def test_forced_windows_that_differ_are_compared_up_to_the_shorter_and_what_came_later_is_counted() -> None:
    long = [replace(each, window=120.0) for each in healing(*[30.0 + i for i in range(20)])]
    short = [replace(each, window=20.0) for each in healing(*[None] * 20)]
    found = compare(arm("long", long), arm("short", short, observeSeconds=20), force=True)
    assert "+0.00" not in found.sentence and "neither recovered within 20 s" in found.sentence
    assert any(
        "long was watched for up to 120 s" in note and "20 of its 20 trials recovered" in note for note in found.notes
    )


@pytest.mark.parametrize("n", [0, 1, 3])
def test_three_trials_each_are_too_few_whatever_they_show(n: int) -> None:
    found = compare(arm("one", QUICK[:n]), arm("other", NEVER[:n]))
    assert (found.conclusion, found.difference, found.p) == (Conclusion.TOO_FEW, None, None)
    assert "Too few trials" in found.sentence
    assert ("at least 6 trials each in pairs" in found.sentence) == bool(n)


def test_campaigns_that_asked_something_else_are_refused_and_the_fields_are_named() -> None:
    with pytest.raises(NotComparable, match=r"chaos\.params\.count, observeSeconds"):
        compare(
            arm("one", QUICK),
            arm("other", SLOW, observeSeconds=90, chaos={"type": "pod_kill", "params": {"count": 2}}),
        )


def test_who_acts_and_how_often_is_no_difference() -> None:
    found = compare(agent("helper", QUICK, variant={"name": "v2"}, trials=50, seed=4), arm("nobody", SLOW))
    assert found.warnings == ()


def test_forced_comparisons_say_so() -> None:
    found = compare(arm("one", QUICK), arm("other", SLOW, settleSeconds=9), force=True)
    assert found.warnings == ("Forced: the two did not ask the same; they differ in settleSeconds.",)


def test_a_control_is_not_compared_even_when_forced_for_nothing_was_broken() -> None:
    with pytest.raises(NotComparable, match="is a control"):
        compare(agent("helper", QUICK), arm("quiet", [], mode="control"), force=True)


def test_a_campaign_is_not_compared_with_itself() -> None:
    with pytest.raises(NotComparable, match="with itself"):
        compare(arm("one", QUICK), arm("one", QUICK))


def test_trials_are_paired_by_index_and_seed_and_the_rest_is_counted() -> None:
    others = [each for each in SLOW if each.trial != 7]
    found = pair(QUICK, others)
    assert (found.paired, found.left_out, len(found.first)) == (True, 1, 19)
    assert [each.trial for each in found.first] == [each.trial for each in found.second]


def test_trials_of_other_seeds_are_compared_without_pairs() -> None:
    found = pair(QUICK, healing(*[40.0] * 20, seed=900))
    assert (found.paired, len(found.first), len(found.second)) == (False, 20, 20)


def test_pairs_are_not_worth_the_loss_of_most_trials_of_an_arm() -> None:
    found = pair(QUICK, SLOW[:10])
    assert (found.paired, len(found.first), len(found.second)) == (False, 20, 10)


def test_what_is_not_scored_is_not_compared() -> None:
    found = pair([*QUICK[:8], trial(9, Outcome.INFRA_ERROR)], SLOW[:9])
    assert len(found.first) == 8


def test_several_comparisons_are_adjusted_and_say_so() -> None:
    third = agent("third", healing(*[11.0 + i % 6 for i in range(20)]))
    quick, slow = agent("quick", QUICK), agent("slow", SLOW)
    alone = compare(quick, third)
    both, among, _ = compare_all([(quick, slow), (quick, third), (third, slow)])
    assert alone.p is not None and among.p is not None
    assert both.conclusion is Conclusion.BETTER
    assert (among.p, among.comparisons) == (pytest.approx(alone.p), 3)
    assert both.p == pytest.approx(3 * (compare(quick, slow).p or 1))
    assert "adjusted for 3 comparisons (Holm)" in both.sentence
    assert "Holm" not in compare_all([(quick, slow)])[0].sentence


def test_conclusions_that_the_number_of_comparisons_makes_impossible_are_called_that() -> None:
    """Three variants of six pairs: one by one each could be told, and of three comparisons none can."""
    six = [agent(name, healing(*[start + i / 9 for i in range(6)])) for name, start in (("a", 1), ("b", 2), ("c", 58))]
    alone = compare(six[0], six[2])
    assert alone.conclusion is Conclusion.BETTER and "Holm" not in alone.sentence
    for found in compare_all([(six[0], six[1]), (six[0], six[2]), (six[1], six[2])]):
        assert (found.conclusion, found.p, found.comparisons) == (Conclusion.TOO_FEW, None, 3)
        assert "0.0312, or 0.0938 when it is one of 3 comparisons (Holm)" in found.sentence
        assert "at least 7 trials each in pairs" in found.sentence


def test_what_could_not_have_won_by_itself_is_none_of_the_comparisons() -> None:
    few = agent("few", QUICK[:3]), arm("nobody", SLOW[:3])
    found = compare_all([(agent("helper", QUICK), arm("nobody", SLOW)), few])
    assert [(each.comparisons, each.conclusion) for each in found] == [(1, Conclusion.BETTER), (1, Conclusion.TOO_FEW)]


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.SUSPENDED, Phase.PENDING, Phase.QUEUED])
def test_an_arm_that_is_not_over_makes_the_comparison_interim_and_there_is_no_conclusion(phase: Phase) -> None:
    running = agent("helper", QUICK, trials=50)
    running = replace(running, campaign=replace(running.campaign, phase=phase, finished_at=None))
    for found in (compare(running, arm("nobody", SLOW)), compare(arm("nobody", SLOW), running)):
        assert (found.conclusion, found.difference, found.rates, found.p) == (Conclusion.INTERIM, None, None, None)
        assert found.sentence.startswith(f"Interim, no conclusion: helper is {phase}, with 20 of 50 trials scored.")
    first, _ = compare_all([(agent("helper", QUICK), arm("nobody", SLOW)), (running, arm("nobody", SLOW))])
    assert first.comparisons == 2, "the other one is to have its p-value, too"


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.ABORTED])
def test_an_arm_that_ended_early_is_named_with_its_reason(phase: Phase) -> None:
    ended = agent("helper", QUICK, trials=50)
    ended = replace(ended, campaign=replace(ended.campaign, phase=phase, reason="AgentLost"))
    notes = compare(ended, arm("nobody", SLOW)).notes
    assert any(note.startswith(f"helper is {phase}, with 20 of 50 trials scored (AgentLost)") for note in notes)


def test_trials_that_ran_alone_are_no_pairs() -> None:
    alone = [replace(each, flags=(Flag.UNPAIRED,)) if each.trial > 17 else each for each in QUICK]
    found = pair(alone, SLOW)
    assert (found.paired, len(found.first), found.left_out) == (True, 17, 6)
    assert len(pair(SLOW, alone).first) == 17
    most = [replace(each, flags=(Flag.UNPAIRED,)) for each in QUICK]
    assert (pair(most, SLOW).paired, len(pair(most, SLOW).first)) == (False, 20)


def test_every_flag_of_either_arm_is_counted_and_named_also_those_that_nobody_knows_yet() -> None:
    first = [replace(QUICK[0], flags=("ManyTickets",)), *QUICK[1:]]
    second = [
        replace(SLOW[0], flags=("ManyTickets", Flag.CONTAMINATED)),
        replace(SLOW[1], flags=("NeverSeen",)),
        *SLOW[2:],
    ]
    notes = compare(agent("helper", first), arm("nobody", second)).notes
    assert "Flags of helper, of 20 attempts: ManyTickets 1." in notes
    assert "Flags of nobody, of 20 attempts: Contaminated 1, ManyTickets 1, NeverSeen 1." in notes


def test_an_agent_without_a_control_campaign_beside_it_is_named() -> None:
    without, having = replace(agent("a", QUICK), controls=0), replace(agent("b", SLOW), controls=1)
    said = [note for note in compare(without, having).notes if "control" in note]
    assert len(said) == 1 and "the agent of a " in said[0]
