from __future__ import annotations

from itertools import combinations, product
from statistics import fmean, variance

import pytest

from controller.analysis.permutation import difference
from controller.analysis.significance import enough, fewest_pairs, least_p

DEADLINE = 60.0

FAST, SLOW = [3.0, 4.0, 6.0, 7.0, 9.0], [8.0, 11.0, 12.0, 15.0, 20.0]


def test_few_trials_are_shuffled_in_every_way_there_is() -> None:
    found = difference([*FAST[:4]], [*SLOW[:4]], paired=False, deadline=DEADLINE)
    numbers = [*FAST[:4], *SLOW[:4]]

    def statistic(chosen: tuple[int, ...]) -> float:
        first = [numbers[i] for i in chosen]
        second = [numbers[i] for i in range(8) if i not in chosen]
        return abs(fmean(first) - fmean(second)) / (variance(first) / 4 + variance(second) / 4) ** 0.5

    all_ways = [statistic(chosen) for chosen in combinations(range(8), 4)]
    as_large = sum(value >= statistic((0, 1, 2, 3)) - 1e-9 for value in all_ways)
    assert (found.shuffles, found.exact) == (70, True)
    assert found.p >= as_large / 70
    assert found.value == -6.5


def test_pairs_are_flipped_in_every_way_there_is() -> None:
    first, second = [1.0, 2, 3, 4, 5, 6], [2.0, 4, 5, 7, 4, 9]
    found = difference(first, second, paired=True, deadline=DEADLINE)
    apart = [a - b for a, b in zip(first, second, strict=True)]
    sums = [abs(sum(sign * d for sign, d in zip(signs, apart, strict=True))) for signs in product((1, -1), repeat=6)]
    assert (found.shuffles, found.exact) == (64, True)
    assert found.p >= sum(each >= abs(sum(apart)) - 1e-9 for each in sums) / 64


def test_the_same_numbers_give_the_same_answer_whenever_they_are_asked() -> None:
    numbers = [float(i * i % 37) for i in range(40)]
    assert difference(numbers[:20], numbers[20:], paired=False, deadline=DEADLINE) == difference(
        numbers[:20], numbers[20:], paired=False, deadline=DEADLINE
    )


def test_the_order_of_the_arms_only_turns_the_sign() -> None:
    one, other = (
        difference(FAST, SLOW, paired=False, deadline=DEADLINE),
        difference(SLOW, FAST, paired=False, deadline=DEADLINE),
    )
    assert (one.value, one.p) == (-other.value, pytest.approx(other.p))
    assert one.low == pytest.approx(-other.high)


def test_an_arm_that_never_varied_can_still_be_told_from_one_that_did() -> None:
    found = difference([12.0, 14, 15, 18, 19, 21], [60.0] * 6, paired=False, deadline=DEADLINE)
    assert found.significant
    assert found.high < 0


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("time", [60.0, 12.0])
def test_two_arms_that_never_varied_are_no_different_and_yet_not_known_to_the_last_digit(
    paired: bool, time: float
) -> None:
    found = difference([time] * 8, [time] * 8, paired, DEADLINE)
    assert (found.value, found.p, found.significant) == (0.0, 1.0, False)
    assert found.low < -5 and found.high > 5


def test_pairs_that_all_differ_by_the_same_second_prove_no_second_for_one_failure_would_outweigh_it() -> None:
    found = difference([10.0, 20, 30, 40, 50, 59], [11.0, 21, 31, 41, 51, 60], paired=True, deadline=DEADLINE)
    assert found.value == -1.0 and found.low < 0 < found.high
    assert not found.significant


def test_arms_of_the_same_mean_are_not_told_apart_because_few_trials_showed_no_failure() -> None:
    """One recovers after 10 s and never in one trial of ten, the other always after 15 s: both means are 15 s."""
    assert not difference(
        [10.0 + i / 10 for i in range(8)], [15.0 + i / 10 for i in range(8)], False, DEADLINE
    ).significant


def test_what_is_as_clear_as_can_be_is_told_apart_by_the_fewest_trials() -> None:
    assert difference([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], [60.0] * 6, True, DEADLINE).p == pytest.approx(2 / 64)
    assert difference([1.0, 1.1, 1.2, 1.3], [60.0] * 4, False, DEADLINE).p == pytest.approx(2 / 70)
    assert difference([1.0, 1.1, 1.2], [60.0] * 4, False, DEADLINE).p == pytest.approx(1 / 35)
    assert difference([1.0, 1.1], [60.0] * 6, False, DEADLINE).p == pytest.approx(1 / 28)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("sizes", [(6, 6), (3, 4), (4, 4), (2, 6), (5, 3), (8, 8)])
def test_no_result_has_a_smaller_p_than_is_said_to_be_the_least(sizes: tuple[int, int], paired: bool) -> None:
    if paired and sizes[0] != sizes[1]:
        return
    first, second = ([start + i / 7 for i in range(n)] for start, n in zip((1.0, 55.0), sizes, strict=True))
    assert difference(first, second, paired, DEADLINE).p >= least_p(*sizes, paired) - 1e-12


def test_the_interval_leaves_out_nothing_exactly_when_p_is_at_most_five_of_a_hundred() -> None:
    for shift in range(0, 40, 2):
        for paired in (True, False):
            found = difference([5.0 + i for i in range(8)], [5.0 + i + shift for i in range(8)], paired, DEADLINE)
            assert found.significant == (not found.low <= 0 <= found.high)


def test_too_few_are_those_of_which_no_result_could_be_told_from_chance() -> None:
    assert [enough(n, n, paired=True) for n in (5, 6)] == [False, True]
    assert [enough(n, n, paired=False) for n in (3, 4)] == [False, True]
    assert [enough(3, n, paired=False) for n in (3, 4)] == [False, True]
    assert [enough(2, n, paired=False) for n in (4, 5)] == [False, True]
    assert not enough(1, 1000, paired=False)
    assert not enough(0, 0, paired=True)


def test_several_comparisons_take_more_pairs() -> None:
    assert [fewest_pairs(comparisons) for comparisons in (1, 2, 3, 6)] == [6, 7, 7, 8]
