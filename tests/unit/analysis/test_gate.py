from __future__ import annotations

from math import comb

import pytest

from controller.analysis.rates import gate, rate


def reached(passing: int, n: int, share: float) -> float:
    return sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(passing, n + 1))


@pytest.mark.parametrize(("n", "passing"), [(16, 16), (20, 20), (50, 46)])
def test_how_often_luck_would_pass_is_said_for_the_case_at_hand(n: int, passing: int) -> None:
    result = gate("recovery", rate(n, n), 0.8)
    assert result.passed
    assert f"It takes {passing} of {n}, which a true rate of just under 0.8 reaches in" in result.sentence
    assert f"reaches in {reached(passing, n, 0.8):.1%} of campaigns." in result.sentence
    assert not gate("recovery", rate(passing - 1, n), 0.8).passed


def test_too_few_trials_for_what_is_asked_are_called_that() -> None:
    result = gate("recovery", rate(8, 8), 0.8)
    assert not result.passed and result.sentence.endswith("No result of 8 trials could pass.")


def test_what_everybody_passes_is_called_that() -> None:
    assert gate("quiet", rate(0, 8), 0).sentence.endswith("Any result would pass.")


def test_many_trials_are_assessed_as_few_are() -> None:
    assert gate("recovery", rate(95_000, 100_000), 0.9).passed


def test_nothing_scored_is_under_anything() -> None:
    assert not gate("recovery", rate(0, 0), 0).passed
