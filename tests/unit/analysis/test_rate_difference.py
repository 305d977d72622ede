from __future__ import annotations

import pytest

from controller.analysis.intervals import rate_difference


def of(count: int, n: int) -> list[bool]:
    return [True] * count + [False] * (n - count)


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    return of(both + first, both + first + second + neither), [True] * both + [False] * first + [True] * second + [
        False
    ] * neither


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 10), 0.6075, 1.0000),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_the_interval_of_groups_is_the_published_one(
    first: tuple[int, ...], second: tuple[int, ...], low: float, high: float
) -> None:
    found = rate_difference(of(*first), of(*second), paired=False)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_pairs_are_tested_by_those_that_disagree() -> None:
    found = rate_difference(*pairs(5, 8, 1, 6), paired=True)
    assert (found.recovered, found.sizes, found.test) == ((13, 6), (20, 20), "McNemar's exact test")
    assert found.p == pytest.approx(2 * (9 + 1) / 2**9)
    assert rate_difference(*pairs(8, 0, 0, 0), paired=True).p == 1


def test_groups_are_tested_by_fishers_exact_test() -> None:
    found = rate_difference(of(3, 3), of(0, 3), paired=False)
    assert (found.p, found.test) == (pytest.approx(2 / 20), "Fisher's exact test")


def test_no_interval_has_no_width() -> None:
    for first, second in (((8, 8), (8, 8)), ((0, 8), (0, 8)), ((8, 8), (0, 8))):
        for paired in (True, False):
            found = rate_difference(of(*first), of(*second), paired)
            assert found.low < found.high
