from __future__ import annotations

from itertools import combinations, product
from statistics import fmean, variance

import pytest

from controller.analysis.permutation import difference, enough

FAST, SLOW = [3.0, 4.0, 6.0, 7.0, 9.0], [8.0, 11.0, 12.0, 15.0, 20.0]


def test_few_trials_are_shuffled_in_every_way_there_is():
    found = difference([*FAST[:4]], [*SLOW[:4]], paired=False)
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


def test_pairs_are_flipped_in_every_way_there_is():
    first, second = [1.0, 2, 3, 4, 5, 6], [2.0, 4, 5, 7, 4, 9]
    found = difference(first, second, paired=True)
    apart = [a - b for a, b in zip(first, second, strict=True)]
    sums = [abs(sum(sign * d for sign, d in zip(signs, apart, strict=True))) for signs in product((1, -1), repeat=6)]
    assert (found.shuffles, found.exact) == (64, True)
    assert found.p == pytest.approx(sum(each >= abs(sum(apart)) - 1e-9 for each in sums) / 64, abs=0.03)


def test_the_same_numbers_give_the_same_answer_whenever_they_are_asked():
    numbers = [float(i * i % 37) for i in range(40)]
    assert difference(numbers[:20], numbers[20:], paired=False) == difference(numbers[:20], numbers[20:], paired=False)


def test_the_order_of_the_arms_only_turns_the_sign():
    one, other = difference(FAST, SLOW, paired=False), difference(SLOW, FAST, paired=False)
    assert (one.value, one.p) == (-other.value, pytest.approx(other.p))
    assert one.low == pytest.approx(-other.high)


def test_an_arm_that_never_varied_can_still_be_told_from_one_that_did():
    found = difference([12.0, 14, 15, 18, 19, 21], [60.0] * 6, paired=False)
    assert found.significant
    assert found.high < 0


@pytest.mark.parametrize("paired", [True, False])
def test_two_arms_that_never_varied_are_no_different_and_nothing_is_known_of_what_would_have_shown(paired: bool):
    found = difference([60.0] * 8, [60.0] * 8, paired)
    assert (found.value, found.p, found.detectable, found.significant) == (0.0, 1.0, None, False)


def test_pairs_that_all_differ_by_the_same_are_as_sure_as_their_number_allows():
    found = difference([10.0, 20, 30, 40, 50, 60], [11.0, 21, 31, 41, 51, 61], paired=True)
    assert (found.value, found.low, found.high, found.detectable) == (-1.0, -1.0, -1.0, None)
    assert found.p == pytest.approx(2 / 64)


def test_too_few_are_those_of_which_no_result_could_be_told_from_chance():
    assert [enough(n, n, paired=True) for n in (5, 6)] == [False, True]
    assert [enough(n, n, paired=False) for n in (3, 4)] == [False, True]
    assert not enough(1, 1000, paired=False)
    assert not enough(0, 0, paired=True)
