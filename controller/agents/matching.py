"""Which ticket is this attempt's, and when was it there: a pure fold over looks at the agent's source.

Never "the latest row": only what came after the cursor and after the injection counts, the first such ticket is the
detection, and when the agent itself calls that very ticket resolved is the resolution. What came before the injection
is a false alarm, whatever becomes of it later: docs/decisions/047-a-quiet-period-before-the-injection.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.agents.protocol import PollResult, Ticket
from controller.records.flags import Flag, counted

GAP = timedelta(seconds=2)
"""Where the last good look is longer ago, we did not see: the agent's own time counts, if it can be true."""

TOLERANCE = timedelta(seconds=2)
"""By how much the agent's clock may differ from ours before its time is called impossible."""


FEW_TICKETS = 3
"""So many in one attempt may be somebody who looks: a ticket for what a monitor sees, one for what it leads to, one
that was opened twice. Whoever opens more meets a fault with one of them by chance alone."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen so far. Times are UTC; `ticket_created_at` and `resolved_at` are the agent's own.

    `opened_at`: when the fault was there to be found, None as long as it is not. `subject`: `type/namespace`. `tickets`
    are all that match, ascending; `detected` is the id of the one that counts. `early` are the ids of those that came
    before the fault, `alarms` those among them that are about this subject. `looked_at` is the last good look, and
    `trouble` why there was none since.
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
    looked_at: datetime | None = None
    trouble: str | None = None
    early: frozenset[str] = field(default=frozenset(), repr=False)
    alarms: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def false_alarms(self) -> int:
        """How many tickets about this subject came before there was anything to find."""
        return len(self.alarms)

    @property
    def ticket_at(self) -> datetime | None:
        """When the ticket was there, as it counts."""
        return counted(self.ticket_created_at, self.ticket_seen_at, Flag.TICKET_SEEN_LATE in self.flags)

    @property
    def resolution_at(self) -> datetime | None:
        """When it was called resolved, as it counts."""
        return counted(self.resolved_at, self.resolution_seen_at, Flag.RESOLUTION_SEEN_LATE in self.flags)


def fold(seen: Sighting, report: PollResult) -> Sighting:
    """One more look. One that failed changes nothing but `trouble`."""
    if report.trouble is not None:
        return replace(seen, trouble=report.trouble)
    seen = _set_aside(seen, report)
    if seen.tickets and seen.detected is None:
        seen = _detect(seen, seen.tickets[0], report.at)
    resolved = next((each for each in seen.tickets if each.resolved and each.id == seen.detected), None)
    if resolved is not None and seen.resolution_seen_at is None:
        seen = _resolve(seen, resolved, report.at)
    return replace(seen, looked_at=report.at, trouble=None)


def _set_aside(seen: Sighting, report: PollResult) -> Sighting:
    """Keep the tickets that can be about this fault. One that was there before it never can, whatever it says later."""
    early, alarms, flags = set(seen.early), set(seen.alarms), set(seen.flags)
    kept = []
    for ticket in report.tickets:
        if ticket.id in early or seen.opened_at is None or (ticket.arrived_at or report.at) < seen.opened_at:
            early.add(ticket.id)
        if ticket.subject is not None and ticket.subject != seen.subject:
            flags.add(Flag.OTHER_SUBJECT)
        elif ticket.id in early:
            alarms.add(ticket.id)
            flags.add(Flag.TICKET_BEFORE_INJECTION)
        else:
            kept.append(ticket)
    if len(kept) + len(alarms) > FEW_TICKETS:
        flags.add(Flag.MANY_TICKETS)
    return replace(seen, tickets=tuple(kept), early=frozenset(early), alarms=frozenset(alarms), flags=frozenset(flags))


def _detect(seen: Sighting, ticket: Ticket, looked_at: datetime) -> Sighting:
    at = ticket.arrived_at or looked_at
    flags = _judge(seen, ticket.opened_at, at, ticket.arrived_at is None, Flag.TICKET_SEEN_LATE)
    seen = replace(seen, detected=ticket.id, ticket_created_at=ticket.opened_at, ticket_seen_at=at)
    return replace(seen, flags=seen.flags | flags)


def _resolve(seen: Sighting, ticket: Ticket, looked_at: datetime) -> Sighting:
    at = ticket.resolution_arrived_at or looked_at
    flags = _judge(seen, ticket.resolved_at, at, ticket.resolution_arrived_at is None, Flag.RESOLUTION_SEEN_LATE)
    return replace(seen, resolved_at=ticket.resolved_at, resolution_seen_at=at, flags=seen.flags | flags)


def _judge(seen: Sighting, own: datetime | None, at: datetime, by_looking: bool, late: Flag) -> frozenset[Flag]:
    """What is to be said of a time: that it cannot be true, or that it counts because we had not looked."""
    assert seen.opened_at is not None, "nothing is detected before there is anything to find"
    if own is None:
        return frozenset()
    if not seen.opened_at - TOLERANCE <= own <= at + TOLERANCE:
        return frozenset({Flag.TICKET_TIME_IMPOSSIBLE})
    last = max(seen.looked_at or seen.opened_at, seen.opened_at)
    if by_looking and at - last > GAP and last <= own <= at:
        return frozenset({late})
    return frozenset()
