"""Which ticket counts, and when it was there: the defects of others, and none of them ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.agents.matching import TicketMatch, update_match
from controller.agents.protocol import PollResult, Ticket
from controller.records.rows import Flag

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def ticket(
    number: int = 2, opened: float | None = None, resolved: int | None = None, done: bool = False, **more: Any
) -> Ticket:
    return Ticket(number, str(number), opened_at=at(opened), resolved_at=at(resolved), resolved=done, **more)


def seen(*looks: tuple[Any, ...], trouble: tuple[int, ...] = ()) -> TicketMatch:
    """Fold looks: pairs of a second and the tickets that were there."""
    match = TicketMatch(START, "tikv/tikv", polled_at=START)
    for second, *tickets in looks:
        why = "locked" if second in trouble else None
        match = update_match(match, PollResult(at(second), tuple(tickets), why))
    return match


def test_a_ticket_is_dated_by_our_first_look_at_it_and_the_agents_own_time_stands_beside() -> None:
    found = seen((0.5,), (1.0, ticket(opened=0.8)), (1.5, ticket(opened=0.8)))
    assert (found.ticket_seen_at, found.ticket_created_at, found.ticket_at) == (at(1.0), at(0.8), at(1.0))
    assert not found.flags


def test_a_ticket_that_is_never_resolved_keeps_its_time() -> None:
    found = seen((1, ticket(opened=0.8)), (300, ticket(opened=0.8)))
    assert found.ticket_at == at(1) and found.resolution_at is None


def test_the_first_of_several_is_the_detection_and_only_it_can_be_resolved() -> None:
    first, second = ticket(2, opened=1), ticket(3, opened=5, resolved=9, done=True)
    found = seen((1, first), (5, first, ticket(3, opened=5)), (9, first, second))
    assert (found.ticket_at, found.resolution_at) == (at(1), None), "another one's resolution is not about this fault"
    found = update_match(found, PollResult(at(11), (ticket(2, opened=1, resolved=11, done=True), second)))
    assert found.resolution_at == at(11)


def quiet(*looks: tuple[Any, ...]) -> TicketMatch:
    """Fold looks before there is anything to find."""
    match = TicketMatch(None, "tikv/tikv")
    for second, *tickets in looks:
        match = update_match(match, PollResult(at(second), tuple(tickets)))
    return match


def test_what_comes_in_the_quiet_period_is_a_false_alarm_and_never_the_detection_whatever_becomes_of_it() -> None:
    before = replace(quiet((-4, ticket(2)), (-1, ticket(2), ticket(3))), opened_at=START)
    assert before.false_alarms == 2 and before.ticket_at is None
    after = update_match(before, PollResult(at(1), (ticket(2, resolved=1, done=True), ticket(3, opened=1))))
    assert (after.ticket_at, after.resolution_at, after.false_alarms) == (None, None, 2)
    assert after.flags == {Flag.TICKET_BEFORE_INJECTION}
    found = update_match(after, PollResult(at(2), (ticket(2), ticket(3), ticket(4))))
    assert found.ticket_at == at(2) and found.detected == "4"


def test_one_that_named_another_subject_before_the_injection_is_no_detection_when_it_names_this_one_after_it() -> None:
    before = replace(quiet((-1, ticket(2, subject="tikv/other"))), opened_at=START)
    assert before.false_alarms == 0
    after = update_match(before, PollResult(at(1), (ticket(2, subject="tikv/tikv"),)))
    assert after.ticket_at is None and after.false_alarms == 1


@pytest.mark.parametrize(("early", "late", "many"), [(0, 3, False), (0, 4, True), (2, 1, False), (2, 2, True)])
def test_more_than_a_few_tickets_are_flagged_those_of_the_quiet_period_included(
    early: int, late: int, many: bool
) -> None:
    numbers = list(range(2, 2 + early + late))
    before = replace(quiet((-1, *map(ticket, numbers[:early]))), opened_at=START)
    after = update_match(before, PollResult(at(1), tuple(map(ticket, numbers))))
    assert (Flag.MANY_TICKETS in after.flags) is many


def test_a_ticket_about_another_subject_is_left_out_and_flagged() -> None:
    stolen = ticket(2, subject="tikv/other")
    found = seen((1, stolen), (2, stolen, ticket(3, subject="tikv/tikv")))
    assert found.ticket_at == at(2) and found.flags == {Flag.OTHER_SUBJECT}


def test_a_ticket_that_was_there_before_the_fault_is_no_detection_not_even_later() -> None:
    early = ticket(2, arrived_at=at(-0.2))
    found = seen((0.5, early), (1, early), (2, early, ticket(3)))
    assert found.ticket_at == at(2) and found.flags == {Flag.TICKET_BEFORE_INJECTION}


@pytest.mark.parametrize("own", [-28_800, -3, 3_600])
def test_a_time_that_cannot_be_true_is_flagged_and_ours_stands(own: int) -> None:
    found = seen((0.5,), (1, ticket(opened=own)))
    assert (found.ticket_at, found.ticket_created_at) == (at(1), at(own))
    assert found.flags == {Flag.TICKET_TIME_IMPOSSIBLE}


def test_clocks_may_differ_a_little() -> None:
    assert not seen((0.5,), (1, ticket(opened=-1.9))).flags
    assert not seen((0.5,), (1, ticket(opened=2.9))).flags


def test_where_we_could_not_look_the_agents_own_time_counts_and_that_is_marked() -> None:
    found = seen((0.5,), (1,), (2,), (3,), (10, ticket(opened=4)), trouble=(1, 2, 3))
    assert (found.ticket_at, found.ticket_seen_at) == (at(4), at(10))
    assert found.flags == {Flag.TICKET_SEEN_LATE}


@pytest.mark.parametrize(("own", "counts"), [(-1.5, 4), (1, 1)])
def test_where_the_last_look_was_long_before_the_injection_no_ticket_counts_from_before_it(
    own: float, counts: int
) -> None:
    before = TicketMatch(START, "tikv/tikv", polled_at=at(-60))
    assert update_match(before, PollResult(at(4), (ticket(opened=own),))).ticket_at == at(counts)


def test_that_the_mark_was_taken_long_before_the_injection_makes_no_look_late() -> None:
    before = TicketMatch(START, "tikv/tikv", polled_at=at(-60))
    assert not update_match(before, PollResult(at(0.5), (ticket(opened=0.2),))).flags


def test_where_we_could_not_look_and_it_gives_no_usable_time_ours_stands() -> None:
    found = seen((0.5,), (10, ticket(opened=None)))
    assert found.ticket_at == at(10) and not found.flags


def test_a_resolution_that_came_while_we_could_not_look_likewise() -> None:
    found = seen((1, ticket(opened=1)), (20, ticket(opened=1, resolved=7, done=True)))
    assert found.resolution_at == at(7) and found.flags == {Flag.RESOLUTION_SEEN_LATE}


def test_what_arrived_over_http_has_our_time_whenever_we_looked() -> None:
    found = seen((1,), (30, ticket(opened=4, arrived_at=at(4.2))))
    assert found.ticket_at == at(4.2) and not found.flags


def test_a_look_that_failed_changes_nothing_but_says_so() -> None:
    found = seen((1, ticket(opened=1)), (2,), trouble=(2,))
    assert (found.ticket_at, found.polled_at, found.error) == (at(1), at(1), "locked")
    assert update_match(found, PollResult(at(3), (ticket(opened=1),))).error is None


def test_an_escalation_ends_nothing_and_resolves_nothing() -> None:
    assert seen((1, ticket(opened=1)), (2, ticket(opened=1, resolved=2, done=False))).resolution_at is None
