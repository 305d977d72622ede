"""The first try comes at once, those after it ever more slowly."""

from __future__ import annotations

from controller.kube.backoff import Backoff


def test_what_fails_again_and_again_waits_longer_up_to_a_limit() -> None:
    backoff = Backoff(0.25, 1.0, forget_after=5.0, now=lambda: 0.0)
    assert [backoff.next() for _ in range(6)] == [0.0, 0.25, 0.5, 1.0, 1.0, 1.0]


def test_in_any_length_of_time_there_are_few_tries() -> None:
    now = 0.0
    backoff = Backoff(0.25, 1.0, forget_after=5.0, now=lambda: now)
    tries = 0
    while now < 60:
        now += backoff.next() + 0.001  # a try that fails at once
        tries += 1
    assert tries < 65


def test_what_went_well_for_long_begins_anew() -> None:
    now = [0.0]
    backoff = Backoff(0.25, 1.0, forget_after=5.0, now=lambda: now[0])
    assert (backoff.next(), backoff.next()) == (0.0, 0.25)
    now[0] += 0.25 + 5.1
    assert backoff.next() == 0.0
