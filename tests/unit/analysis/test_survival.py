"""Against the remission times of E. J. Freireich et al. (Blood 21 (1963), 699-716), on which every textbook works.

The curve, Greenwood's standard errors and the medians are those of D. R. Cox and D. Oakes, "Analysis of Survival Data"
(1984), and of D. G. Kleinbaum and M. Klein, "Survival Analysis", chapter 2.
"""

from __future__ import annotations

import math

import pytest

from controller.analysis.survival import Curve, kaplan_meier, restricted_mean, restricted_times, shared_deadline
from controller.statistics import censored_median
from tests.unit.analysis.samples import healing, trial

SIX_MP = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [i in (0, 1, 2, 4, 6, 9, 10, 14, 15) for i in range(21)]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def at(curve: Curve, time: float) -> int:
    return curve.times.index(time)


def test_the_curve_of_the_treated_is_the_published_one() -> None:
    curve = kaplan_meier(SIX_MP, RELAPSED)
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for time, share in published.items():
        assert curve.share[at(curve, time)] == pytest.approx(share, abs=5e-4)
    left = {6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6}
    assert {time: curve.at_risk[at(curve, time)] for time in left} == left
    assert curve.events[at(curve, 6)] == 3
    assert curve.n == 21


def test_the_interval_is_greenwoods_on_the_log_log_scale() -> None:
    curve = kaplan_meier(SIX_MP, RELAPSED)
    for time, error in {6: 0.0764, 10: 0.0963, 16: 0.1141, 23: 0.1346}.items():
        i = at(curve, time)
        share = curve.share[i]
        factor = math.exp(1.959964 * error / (share * math.log(share)))
        assert curve.low[i] == pytest.approx(share ** (1 / factor), abs=1e-3)
        assert curve.high[i] == pytest.approx(share**factor, abs=1e-3)


def test_the_medians_are_the_published_ones_open_above_where_too_few_relapsed() -> None:
    treated, placebo = kaplan_meier(SIX_MP, RELAPSED).median, kaplan_meier(PLACEBO, [True] * 21).median
    assert (treated.value, treated.low, treated.high) == (23, 13, None)
    assert (placebo.value, placebo.low, placebo.high) == (8, 4, 11)


@pytest.mark.parametrize("times", [[3.0], [4.0, 2.0], [1, 2, None], [1, 2, None, None], [1, 2, 4, None], [None, None]])
def test_with_one_deadline_the_median_is_the_one_that_the_status_shows(times: list[float | None]) -> None:
    curve = kaplan_meier([60.0 if time is None else time for time in times], [time is not None for time in times])
    assert curve.median.value == censored_median(times)


def test_where_nobody_recovers_the_curve_stays_at_one() -> None:
    curve = kaplan_meier([60, 60, 60], [False] * 3)
    assert set(curve.share) == {1.0}
    assert (curve.median.value, curve.median.low, curve.median.high) == (None, None, None)


def test_the_restricted_mean_is_the_area_under_the_curve() -> None:
    trials = healing(3.0, 17.5, 17.5, 44.0, None, None, 60.0)
    times = restricted_times(trials, 60.0)
    ends = [each.recovered if each.recovered is not None else 60.0 for each in trials]
    curve = kaplan_meier(ends, [each.recovered is not None for each in trials])
    steps = zip(curve.times, [*curve.times[1:], 60.0], curve.share, strict=True)
    area = sum((until - since) * share for since, until, share in steps)
    assert restricted_mean(times, 60.0).value == pytest.approx(area)


def test_the_restricted_mean_of_five_by_hand() -> None:
    mean = restricted_mean([10, 20, 30, 60, 60], 60)
    # Deviations from 36: -26, -16, -6, 24, 24; squares 676 + 256 + 36 + 576 + 576 = 2120; / 4 / 5 = 106.
    assert (mean.value, mean.n) == (36, 5)
    assert mean.variance == pytest.approx(106)

    # Three of five recovered, Wilson 0.230724 to 0.882379, and that 50, 40 and 30 s before the deadline: mean 40, its
    # error 10 / 3 ** 0.5, and t of two degrees of freedom 4.302653. So the gap is 15.158614 to 60 s, the deadline.
    assert mean.high == pytest.approx(60 - (24 - math.hypot(40 * (0.6 - 0.230724), 0.6 * (40 - 15.158614))), abs=1e-3)
    assert mean.low == pytest.approx(60 - (24 + math.hypot(40 * (0.882379 - 0.6), 0.6 * (60 - 40))), abs=1e-3)


def test_what_never_varied_is_still_not_known_to_the_last_digit() -> None:
    nobody, everybody = restricted_mean([60.0] * 8, 60), restricted_mean([12.0] * 8, 60)
    assert (nobody.low, nobody.high) == (pytest.approx(60 - 60 * 0.324411, abs=1e-3), 60)
    assert (everybody.low, everybody.high) == (12, pytest.approx(12 + 48 * 0.324411, abs=1e-3))
    assert restricted_mean([12.0], 60).variance is None


def test_the_shared_deadline_is_the_shortest_window_and_cuts_the_longer_ones() -> None:
    trials = [*healing(10.0, 50.0, None), trial(4, healing(None)[0].outcome, window=40.0)]
    assert shared_deadline(trials) == 40.0
    assert restricted_times(trials, 40.0) == [10.0, 40.0, 40.0, 40.0]
