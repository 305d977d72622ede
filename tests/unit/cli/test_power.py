"""What `run` says of the number of trials is what the analysis says of the clearest result that they can have."""

from __future__ import annotations

import pytest

from controller.analysis.intervals import rate_difference
from controller.analysis.rates import rate
from controller.analysis.significance import fewest_pairs
from controller.api import CampaignSpec, Mode
from controller.cli.run.execution import describe_power
from tests.unit.records.samples import spec


@pytest.mark.parametrize("n", [1, 2, 5, 6, 8, 20, 10_000])
def test_the_rate_that_all_good_trials_prove_is_the_lower_bound_of_the_interval(n: int) -> None:
    low = rate(n, n).low
    assert low is not None and f"if all recover, a rate of at least {low:.0%} (95 % interval)" in describe_power(
        spec(trials=n)
    )


@pytest.mark.parametrize("n", [1, 3, 5])
def test_too_few_for_any_winner_are_called_that(n: int) -> None:
    assert describe_power(spec(trials=n)).endswith("no winner, whatever they show: that takes 6 pairs.")


def test_enough_for_one_have_their_smallest_p_and_how_far_rates_are_told_apart() -> None:
    said = describe_power(spec(trials=8))
    assert "a winner if it is clear (p is 0.0078 at best)" in said
    half = rate_difference([True, False] * 4, [True, False] * 4, paired=False)
    assert f"to within {half.high * 100:.0f} points" in said
    assert "p is below 0.001 at best" in describe_power(spec(trials=50))


def test_of_a_control_only_its_own_rate_is_said() -> None:
    said = describe_power(spec(trials=3, mode=Mode.CONTROL, agent={"source": "http"}))
    assert said == "What 3 trials can prove: if all are quiet, a rate of at least 44% (95 % interval)."


def test_the_default_number_of_trials_can_name_a_winner() -> None:
    default = CampaignSpec.model_fields["trials"].default
    assert default >= fewest_pairs(3)
    assert "a winner if it is clear" in describe_power(spec(trials=default))
