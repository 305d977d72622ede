"""Finds the ticket of an attempt, and when it was opened and resolved: a pure fold over polls of the agent's source.

Only tickets after the cursor and after the injection count. The first such ticket is the detection; the resolution is
that the agent itself resolves the same ticket. A ticket from before the injection is a false alarm, even if it is
resolved later: docs/decisions/047-a-quiet-period-before-the-injection.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.agents.protocol import PollResult, Ticket
from controller.records.rows import Flag, counted_time

GAP = timedelta(seconds=2)
"""The longest pause between two good polls in which our time counts; after a longer one the agent's own time counts,
if it is possible."""

TOLERANCE = timedelta(seconds=2)
"""The most that the agent's clock may differ from ours before its time counts as impossible."""

FEW_TICKETS = 3
"""The most tickets of an attempt without the flag `ManyTickets`: one for the symptom, one for a consequence, one opened
twice. With more, one of them may match a fault by chance."""


@dataclass(frozen=True, slots=True)
class TicketMatch:
    """The match so far. Times are UTC; `ticket_created_at` and `resolved_at` are the agent's own.

    `opened_at` is when the fault could first be found, None until then. `subject` is `type/namespace`. `tickets` are
    all that match, ascending; `detected` is the id of the one that counts. `early` are the ids of those that came
    before the fault, `alarms` those of them that are about this subject. `polled_at` is the time of the last good poll,
    and `error` why there was none since.
    """

    opened_at: datetime | None
    subject: str
    detected: str | None = None
    ticket_created_at: datetime | None = None
    ticket_seen_at: datetime | None = None
    resolved_at: datetime | None = None
    resolution_seen_at: datetime | None = None
    tickets: tuple[Ticket, ...] = ()
    flags: frozenset[Flag] = frozenset()
    polled_at: datetime | None = None
    error: str | None = None
    early: frozenset[str] = field(default=frozenset(), repr=False)
    alarms: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def false_alarms(self) -> int:
        """The number of tickets about this subject from before the injection."""
        return len(self.alarms)

    @property
    def ticket_at(self) -> datetime | None:
        """The time of detection, as it counts."""
        return counted_time(self.ticket_created_at, self.ticket_seen_at, Flag.TICKET_SEEN_LATE in self.flags)

    @property
    def resolution_at(self) -> datetime | None:
        """The time of resolution, as it counts."""
        return counted_time(self.resolved_at, self.resolution_seen_at, Flag.RESOLUTION_SEEN_LATE in self.flags)


def update_match(match: TicketMatch, result: PollResult) -> TicketMatch:
    """Returns the match after one more poll. A poll that failed changes `error` alone."""
    if result.error is not None:
        return replace(match, error=result.error)
    match = _separate_early(match, result)
    if match.tickets and match.detected is None:
        match = _detect(match, match.tickets[0], result.at)
    resolved = next((each for each in match.tickets if each.resolved and each.id == match.detected), None)
    if resolved is not None and match.resolution_seen_at is None:
        match = _resolve(match, resolved, result.at)
    return replace(match, polled_at=result.at, error=None)


def _separate_early(match: TicketMatch, result: PollResult) -> TicketMatch:
    """Separates the tickets from before the fault, which are never about it, from those that may be about it."""
    early, alarms, flags = set(match.early), set(match.alarms), set(match.flags)
    kept = []
    for ticket in result.tickets:
        if ticket.id in early or match.opened_at is None or (ticket.arrived_at or result.at) < match.opened_at:
            early.add(ticket.id)
        if ticket.subject is not None and ticket.subject != match.subject:
            flags.add(Flag.OTHER_SUBJECT)
        elif ticket.id in early:
            alarms.add(ticket.id)
            flags.add(Flag.TICKET_BEFORE_INJECTION)
        else:
            kept.append(ticket)
    if len(kept) + len(alarms) > FEW_TICKETS:
        flags.add(Flag.MANY_TICKETS)
    return replace(match, tickets=tuple(kept), early=frozenset(early), alarms=frozenset(alarms), flags=frozenset(flags))


def _detect(match: TicketMatch, ticket: Ticket, polled_at: datetime) -> TicketMatch:
    at = ticket.arrived_at or polled_at
    flags = _time_flags(match, ticket.opened_at, at, ticket.arrived_at is None, Flag.TICKET_SEEN_LATE)
    match = replace(match, detected=ticket.id, ticket_created_at=ticket.opened_at, ticket_seen_at=at)
    return replace(match, flags=match.flags | flags)


def _resolve(match: TicketMatch, ticket: Ticket, polled_at: datetime) -> TicketMatch:
    at = ticket.resolution_arrived_at or polled_at
    flags = _time_flags(match, ticket.resolved_at, at, ticket.resolution_arrived_at is None, Flag.RESOLUTION_SEEN_LATE)
    return replace(match, resolved_at=ticket.resolved_at, resolution_seen_at=at, flags=match.flags | flags)


def _time_flags(
    match: TicketMatch, agent_time: datetime | None, at: datetime, by_poll: bool, late_flag: Flag
) -> frozenset[Flag]:
    """Returns what is wrong with an agent's own time: it is impossible, or counts because there was a gap in polling.

    `at` is our own time for the same event; `by_poll` says that it is when a poll first showed it.
    """
    assert match.opened_at is not None, "a ticket is detected only after the fault"
    if agent_time is None:
        return frozenset()
    if not match.opened_at - TOLERANCE <= agent_time <= at + TOLERANCE:
        return frozenset({Flag.TICKET_TIME_IMPOSSIBLE})
    last = max(match.polled_at or match.opened_at, match.opened_at)
    if by_poll and at - last > GAP and last <= agent_time <= at:
        return frozenset({late_flag})
    return frozenset()
