"""The fold of verdicts: when a fault showed, service broke, the subject recovered, and we were blind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.attempt.observation import Observation, ObservationEnd, ObservationWindow, add_verdict, manifests
from subjects.protocol import Fault, Problem, Target, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
FAULT = Fault("node_kill", (Target("m-1", "old"),), {})
UIDS = {"m-0": "a", "m-1": "old", "m-2": "c"}
REPLACED = UIDS | {"m-1": "new"}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


WINDOW = ObservationWindow(at(0), at(10), settle=timedelta(seconds=2), max_blind=timedelta(seconds=1.5))


def healthy(seconds: Any, members: Any = REPLACED) -> Any:
    return Verdict(at(seconds), True, True, (), members)


def hurt(seconds: Any, serving: bool = True) -> Any:
    return Verdict(at(seconds), serving, False, (Problem("MemberDown", "m-1 is down", "m-1"),), UIDS)


def unknown(seconds: Any) -> Any:
    return Verdict(at(seconds), None, None, (Problem("Blind", "no answer"),))


def unconfirmed(seconds: Any, members: Any = UIDS, blamed: Any = None) -> Any:
    """Nobody can say who serves, and yet something is plainly missing: PD without a leader."""
    return Verdict(at(seconds), None, False, (Problem("NoPdLeader", "PD has no leader", blamed),), members)


def fold(*verdicts: Any, window: Any = WINDOW) -> Any:
    seen = Observation()
    for verdict in verdicts:
        seen = add_verdict(window, FAULT, seen, verdict)
        if seen.ended:
            break
    return seen


def steady(make: Any, begin: Any, end: Any, every: float = 0.5) -> Any:
    count = int((end - begin) / every) + 1
    return [make(begin + i * every) for i in range(count)]


def test_recovery_is_the_start_of_the_first_healthy_stretch_after_the_fault_showed() -> None:
    seen = fold(healthy(-0.1, UIDS), hurt(0.5), *steady(healthy, 1.0, 4.0))
    assert (seen.ended, seen.manifested_at, seen.recovered_at) == (ObservationEnd.RECOVERED, at(0.5), at(1.0))


def test_a_subject_that_is_healthy_before_the_fault_shows_has_not_recovered() -> None:
    seen = fold(*steady(lambda s: healthy(s, UIDS), 0.1, 10.6))
    assert seen.ended is ObservationEnd.DEADLINE
    assert seen.manifested_at is None and seen.recovered_at is None


def test_a_replaced_target_is_a_sign_even_when_every_verdict_was_healthy() -> None:
    seen = fold(healthy(-0.1, UIDS), *steady(healthy, 0.3, 3.0))
    assert seen.manifested_at == at(0.3)
    assert seen.recovered_at == at(0.3)


def test_an_outage_and_the_fault_count_from_when_what_hung_was_sent_but_never_from_ahead_of_the_injection() -> None:
    late = replace(hurt(1.5, serving=False), unserved_since=at(0.5))
    seen = fold(healthy(-0.1, UIDS), late, *steady(healthy, 2.0, 4.5))
    assert (seen.manifested_at, seen.serving_lost_at, seen.serving_again_at) == (at(0.5), at(0.5), at(2.0))
    early = replace(hurt(0.5, serving=False), unserved_since=at(-0.4))
    assert fold(healthy(-0.1, UIDS), early).serving_lost_at == at(0)


def test_a_relapse_starts_the_stretch_anew() -> None:
    seen = fold(hurt(0.5), healthy(1), healthy(2), hurt(2.5), *steady(healthy, 3.0, 6.0))
    assert seen.recovered_at == at(3.0)


def test_an_unknown_verdict_breaks_the_stretch() -> None:
    seen = fold(hurt(0.5), healthy(1), healthy(2), unknown(2.5), *steady(healthy, 3.0, 6.0))
    assert seen.recovered_at == at(3.0)
    assert seen.blind == timedelta(seconds=0.5)


def test_recovery_that_begins_before_the_deadline_may_be_confirmed_after_it() -> None:
    seen = fold(*steady(hurt, 0.5, 9.5), *steady(healthy, 10.0, 13.0))
    assert (seen.ended, seen.recovered_at) == (ObservationEnd.RECOVERED, at(10.0))


def test_recovery_that_begins_after_the_deadline_does_not_count() -> None:
    seen = fold(*steady(hurt, 0.5, 9.5), healthy(10.1))
    assert (seen.ended, seen.recovered_at) == (ObservationEnd.DEADLINE, None)


def test_a_stretch_that_breaks_after_the_deadline_ends_the_observation() -> None:
    seen = fold(*steady(hurt, 0.5, 9.0), healthy(9.5), healthy(10.5), hurt(11.0))
    assert (seen.ended, seen.recovered_at) == (ObservationEnd.DEADLINE, None)


def test_more_blindness_than_allowed_ends_the_observation() -> None:
    seen = fold(hurt(0.5), *steady(unknown, 1.0, 4.0))
    assert seen.ended is ObservationEnd.BLIND
    assert seen.blind > WINDOW.max_blind


def test_silence_is_blindness_although_both_neighbours_knew() -> None:
    seen = fold(hurt(0.5), hurt(3.5))
    assert (seen.ended, seen.blind) == (ObservationEnd.BLIND, timedelta(seconds=3))


def test_silence_breaks_a_healthy_stretch() -> None:
    patient = ObservationWindow(at(0), at(10), settle=timedelta(seconds=2), max_blind=timedelta(seconds=5))
    seen = fold(hurt(0.5), healthy(1.0), healthy(4.0), healthy(5.0), healthy(6.0), window=patient)
    assert seen.recovered_at == at(4.0)


def test_blindness_before_the_injection_is_not_counted() -> None:
    seen = fold(unknown(-1.5), hurt(0.5))
    assert seen.blind == timedelta(seconds=0.5)


def test_service_that_nobody_can_confirm_is_not_blindness_while_it_is_plain_that_the_subject_is_not_healthy() -> None:
    seen = fold(healthy(-0.1, UIDS), hurt(0.5), *steady(unconfirmed, 1.0, 10.0))
    assert (seen.ended, seen.recovered_at) == (ObservationEnd.DEADLINE, None)
    assert seen.blind == timedelta()


def test_service_that_nobody_can_confirm_breaks_a_healthy_stretch() -> None:
    seen = fold(hurt(0.5), healthy(1), healthy(2), unconfirmed(2.5), *steady(healthy, 3.0, 6.0))
    assert (seen.recovered_at, seen.blind) == (at(3.0), timedelta())


def test_an_outage_lasts_until_service_is_seen_again_whatever_was_unknown_meanwhile() -> None:
    seen = fold(hurt(0.5, serving=False), *steady(unconfirmed, 1.0, 2.0), hurt(2.5), *steady(healthy, 3.0, 6.0))
    assert (seen.serving_lost_at, seen.serving_again_at) == (at(0.5), at(2.5))


def test_what_is_unknown_after_service_came_back_does_not_take_it_away_again() -> None:
    seen = fold(hurt(0.5, serving=False), hurt(1.0), unconfirmed(1.5), hurt(2.0), *steady(healthy, 2.5, 5.0))
    assert (seen.serving_lost_at, seen.serving_again_at) == (at(0.5), at(1.0))


def test_an_outage_after_which_nothing_is_known_has_no_end() -> None:
    seen = fold(hurt(0.5, serving=False), *steady(unconfirmed, 1.0, 10.0))
    assert (seen.ended, seen.serving_lost_at, seen.serving_again_at) == (ObservationEnd.DEADLINE, at(0.5), None)


def test_unknown_service_alone_is_no_outage() -> None:
    seen = fold(hurt(0.5), unconfirmed(1.0), unconfirmed(1.5), *steady(healthy, 2.0, 5.0))
    assert (seen.serving_lost_at, seen.serving_again_at) == (None, None)


def test_service_that_never_broke_off_has_no_times() -> None:
    seen = fold(hurt(0.5), *steady(healthy, 1.0, 4.0))
    assert seen.serving_lost_at is None and seen.serving_again_at is None


def test_service_that_broke_twice_came_back_at_the_last_time() -> None:
    seen = fold(hurt(0.5, serving=False), hurt(1.0), hurt(1.5, serving=False), hurt(2.0), *steady(healthy, 2.5, 5.0))
    assert (seen.serving_lost_at, seen.serving_again_at) == (at(0.5), at(2.0))


@pytest.mark.parametrize(
    ("verdict", "sign"),
    [
        (healthy(1, UIDS), False),
        (healthy(1), True),
        (Verdict(at(1), True, False, (), {"m-0": "a", "m-2": "c"}), True),
        (hurt(1), True),
        (Verdict(at(1), False, False, (), UIDS), True),
        (Verdict(at(1), True, False, (Problem("MemberDown", "", "m-2"),), UIDS), False),
        (unknown(1), False),
        (unconfirmed(1), False),
        (unconfirmed(1, blamed="m-1"), True),
        (unconfirmed(1, REPLACED), True),
    ],
    ids=[
        "healthy",
        "replaced",
        "missing",
        "blamed",
        "not serving",
        "another member",
        "unknown",
        "service unknown, nobody blamed",
        "service unknown, blamed",
        "service unknown, replaced",
    ],
)
def test_what_counts_as_a_sign_of_the_fault(verdict: Any, sign: Any) -> None:
    assert manifests(FAULT, verdict) is sign
