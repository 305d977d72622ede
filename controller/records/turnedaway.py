"""What agents sent and was not kept, by campaign: an attempt that it happened in must say so.

In memory alone: an attempt does not outlive the process either.
"""

from __future__ import annotations

from collections import Counter, defaultdict

MOST_WAITING = 1_000


class TurnedAway:
    """Of all campaigns."""

    def __init__(self) -> None:
        self._work: Counter[str] = Counter()
        self._tickets: defaultdict[str, set[str]] = defaultdict(set)

    def lost_work(self, campaign: str) -> None:
        """A log or a session was refused, and may not come again."""
        self._work[campaign] += 1

    def work(self, campaign: str) -> int:
        """How many were, since the process began."""
        return self._work[campaign]

    def missed_ticket(self, campaign: str, ticket: str) -> None:
        """A ticket came while it could not be written, by no fault of whoever sent it."""
        if len(self._tickets[campaign]) < MOST_WAITING:
            self._tickets[campaign].add(ticket)

    def kept_ticket(self, campaign: str, ticket: str) -> None:
        """It came again and was written."""
        if campaign in self._tickets:
            self._tickets[campaign].discard(ticket)

    def tickets(self, campaign: str) -> int:
        """How many came and are not written yet."""
        return len(self._tickets[campaign]) if campaign in self._tickets else 0

    def forget_tickets(self, campaign: str) -> None:
        """What was missed so far bears on nothing any more."""
        self._tickets.pop(campaign, None)

    def forget(self, campaign: str) -> None:
        """Nothing more comes of it."""
        self._work.pop(campaign, None)
        self.forget_tickets(campaign)
