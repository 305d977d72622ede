from __future__ import annotations

import pytest

from controller.analysis.rates import rate
from controller.analysis.significance import holm


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_rate_is_the_published_one(successes: int, n: int, low: float, high: float) -> None:
    found = rate(successes, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert found.value == successes / n


def test_nothing_scored_is_no_rate_rather_than_zero() -> None:
    found = rate(0, 0)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)


def test_all_of_three_does_not_prove_much() -> None:
    found = rate(3, 3)
    assert found.value == 1
    assert found.low is not None and found.low < 0.5


def test_p_values_are_adjusted_step_by_step_in_their_own_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []
