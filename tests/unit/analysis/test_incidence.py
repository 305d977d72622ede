from __future__ import annotations

import pytest

from controller.analysis.incidence import EventStatus, aalen_johansen, detection, interval, resolution
from controller.analysis.rates import rate
from controller.api import Outcome
from tests.unit.analysis.samples import trial

CENSORED, HAPPENED, COMPETED = EventStatus


def test_a_small_example_by_hand() -> None:
    times, happened, competed = aalen_johansen(
        [1, 2, 3, 4, 5, 6], [HAPPENED, COMPETED, CENSORED, HAPPENED, CENSORED, COMPETED]
    )
    # Waiting before 1: 1; before 2: 5/6; before 4: 4/6 (one was censored at 3, so 3 are at risk); before 6: 4/9.
    assert times == [0, 1, 2, 3, 4, 5, 6]
    assert happened == pytest.approx([0, 1 / 6, 1 / 6, 1 / 6, 1 / 6 + 4 / 6 / 3, 7 / 18, 7 / 18])
    assert competed == pytest.approx([0, 0, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6 + 4 / 9])


def test_what_ends_at_the_same_time_is_counted_from_the_same_waiting_share() -> None:
    _, happened, competed = aalen_johansen([2, 2, 2, 9], [HAPPENED, HAPPENED, COMPETED, CENSORED])
    assert (happened[1], competed[1]) == (pytest.approx(0.5), pytest.approx(0.25))


STORY = [
    trial(1, Outcome.RESOLVED, detected=4.0, resolved=12.0, recovered=14.0),
    trial(2, Outcome.DETECTED_UNRESOLVED, detected=8.0),
    trial(3, Outcome.SELF_HEALED, recovered=6.0),
    trial(4, Outcome.SELF_HEALED, recovered=5.0, detected=7.0),
    trial(5, Outcome.UNDETECTED),
    trial(6, Outcome.FALSE_RESOLUTION, detected=3.0, resolved=20.0),
]


def test_detection_has_all_scored_trials_below_the_line_and_healing_before_the_ticket_competes() -> None:
    found = detection(STORY)
    assert (found.by_deadline.successes, found.by_deadline.n) == (3, 6)
    assert found.share[-1] == pytest.approx(3 / 6)
    assert found.competing[-1] == pytest.approx(2 / 6)
    assert found.median is None, "three of six lie beyond every time, and so does the middle"


def test_the_median_is_not_that_of_the_detected_alone() -> None:
    assert detection(STORY[:1] + STORY[2:5]).median is None
    more = [trial(index, Outcome.DETECTED_UNRESOLVED, detected=8.0 + index) for index in (7, 8)]
    assert detection([*STORY, *more]).median == (15.0 + 16.0) / 2, "as the campaign's status has it"


def test_only_a_true_resolution_is_one() -> None:
    found = resolution(STORY)
    assert (found.by_deadline.successes, found.by_deadline.n, found.median) == (1, 6, None)
    assert found.times[found.share.index(found.share[-1])] == 12.0


def test_the_intervals_are_those_of_rates_and_the_curve_ends_at_the_rate_by_the_deadline() -> None:
    low, high = interval([k / 20 for k in range(21)], 20)
    rates = [rate(k, 20) for k in range(21)]
    assert low == pytest.approx([each.low for each in rates], abs=1e-12)
    assert high == pytest.approx([each.high for each in rates], abs=1e-12)
    found = detection(STORY)
    assert (found.low[-1], found.high[-1]) == pytest.approx((found.by_deadline.low, found.by_deadline.high))
    assert (found.low[0], found.high[0]) == (0, 0)
    assert len(found.low) == len(found.high) == len(found.times)
