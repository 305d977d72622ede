"""Packages that others wrote come to the same numbers: lifelines, statsmodels, and SciPy's own tests."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from controller.analysis.incidence import EventStatus, aalen_johansen
from controller.analysis.intervals import rate_difference
from controller.analysis.rates import rate
from controller.analysis.significance import holm
from controller.analysis.survival import kaplan_meier, restricted_mean

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from lifelines import AalenJohansenFitter, KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time
    from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

pytestmark = pytest.mark.filterwarnings("ignore")
DEADLINE = 60.0
SAMPLES = range(5)


def sample(seed: int, n: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Times, some equal, and whether it had recovered then."""
    times = np.round(np.random.default_rng(seed).exponential(35, n), 0) + 1
    return np.minimum(times, DEADLINE), times < DEADLINE


@pytest.mark.parametrize("seed", SAMPLES)
def test_the_curve_its_interval_and_its_median_are_those_of_lifelines_and_statsmodels(seed: int) -> None:
    times, recovered = sample(seed)
    ours = kaplan_meier(times.tolist(), recovered.tolist())
    theirs = KaplanMeierFitter().fit(times, recovered)
    assert theirs.predict(list(ours.times)).to_numpy() == pytest.approx(np.array(ours.share), abs=1e-12)
    inside = [i for i, share in enumerate(ours.share) if 0 < share < 1]
    bounds = theirs.confidence_interval_.loc[[ours.times[i] for i in inside]].to_numpy()
    expected = np.array([[ours.low[i], ours.high[i]] for i in inside])
    assert bounds == pytest.approx(expected, abs=1e-9)
    curve = SurvfuncRight(times, recovered)
    shares = dict(zip(ours.times, ours.share, strict=True))
    assert [shares[time] for time in curve.surv_times] == pytest.approx(list(curve.surv_prob), abs=1e-12)


@pytest.mark.parametrize("seed", SAMPLES)
def test_the_restricted_mean_is_that_of_lifelines(seed: int) -> None:
    times, recovered = sample(seed)
    theirs = restricted_mean_survival_time(KaplanMeierFitter().fit(times, recovered), t=DEADLINE)
    assert restricted_mean(times.tolist(), DEADLINE).value == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", SAMPLES)
def test_the_incidence_is_that_of_lifelines_and_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = rng.permutation(np.linspace(1, DEADLINE, 30))
    ended = rng.choice([EventStatus.HAPPENED, EventStatus.COMPETED], 30)
    ended[times == DEADLINE] = EventStatus.CENSORED
    at, share, competing = aalen_johansen(times.tolist(), ended.tolist())
    theirs = AalenJohansenFitter(calculate_variance=False).fit(
        times, ended, event_of_interest=int(EventStatus.HAPPENED)
    )
    curve = theirs.cumulative_density_.iloc[:, 0]
    assert curve.loc[at].to_numpy() == pytest.approx(np.array(share), abs=1e-12)
    other = CumIncidenceRight(times, ended)
    # It has the times at which anything ended but by censoring, and one curve for each way.
    for ours, which in ((share, 0), (competing, 1)):
        known = dict(zip(at, ours, strict=True))
        assert [known[time] for time in other.times] == pytest.approx(list(other.cinc[which]), abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 8), (1, 8), (7, 8), (8, 8), (13, 20), (49, 50)])
def test_the_interval_of_a_rate_is_that_of_statsmodels(k: int, n: int) -> None:
    found = rate(k, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second"), [((8, 8), (6, 8)), ((14, 20), (20, 20)), ((0, 8), (8, 8)), ((3, 9), (5, 7))]
)
def test_the_difference_of_rates_is_that_of_statsmodels_and_scipy(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    arms = [[True] * k + [False] * (n - k) for k, n in (first, second)]
    found = rate_difference(arms[0], arms[1], paired=False)
    expected = confint_proportions_2indep(*first, *second, method="newcomb")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)
    assert found.p == pytest.approx(stats.fisher_exact([[k, n - k] for k, n in (first, second)]).pvalue)


@pytest.mark.parametrize("counts", [(5, 8, 1, 6), (10, 0, 6, 4), (0, 3, 3, 2)])
def test_the_test_of_pairs_is_mcnemars_of_statsmodels(counts: tuple[int, int, int, int]) -> None:
    both, only_first, only_second, neither = counts
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    expected = mcnemar([[both, only_first], [only_second, neither]], exact=True).pvalue
    assert rate_difference(first, second, paired=True).p == pytest.approx(expected)


def test_adjusted_p_values_are_those_of_statsmodels() -> None:
    ps = [0.01, 0.04, 0.03, 0.005, 0.5, 0.012]
    assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1])
