"""What is to be known of an attempt beside its outcome, and what that means for its times."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Flag(StrEnum):
    """What is to be known of an attempt beside its outcome."""

    CONTAMINATED = "Contaminated"
    """A baseline, and yet an agent had a ticket, or the agent's Deployment had a pod."""
    NO_MUTATING_COMMAND = "NoMutatingCommand"
    """Resolved, and yet no command of the agent's could have changed anything: it may have healed by itself."""
    TICKET_TIME_IMPOSSIBLE = "TicketTimeImpossible"
    """The agent's own time cannot be true; ours stands."""
    TICKET_BEFORE_INJECTION = "TicketBeforeInjection"
    """A ticket came before there was anything to find; it is no detection, and counts as a false alarm."""
    TICKET_SEEN_LATE = "TicketSeenLate"
    """We could not look when it came: the agent's own time counts."""
    RESOLUTION_SEEN_LATE = "ResolutionSeenLate"
    """Likewise, when it was resolved."""
    MANY_TICKETS = "ManyTickets"
    """The agent opened more tickets than somebody who looks would: one of them may have met the fault by chance."""
    AGENT_EXITED = "AgentExited"
    """The agent ended by itself in the middle, or was restarted for a failing probe; it is scored as it stands."""
    OTHER_SUBJECT = "OtherSubject"
    """A ticket that says it is about another system was left out."""
    COMMANDS_INCOMPLETE = "CommandsIncomplete"
    """Not all commands could be read or kept."""
    SUBJECT_DISTURBED = "SubjectDisturbed"
    """A control, and yet the subject was not healthy throughout."""
    AGENT_SIGHT_LOST = "AgentSightLost"
    """It recovered, and whether the agent had a ticket or resolved it by the deadline could not be seen."""
    AGENT_CAN_SEE_EVALUATION = "AgentCanSeeEvaluation"
    """The agent's ServiceAccount may read something that tells it that it is being evaluated."""
    AGENT_CAN_READ_EVENTS = "AgentCanReadEvents"
    """It may read the Events of the subject's namespace, in which the kubelet says what was done to a pod."""
    AGENT_RIGHTS_UNKNOWN = "AgentRightsUnknown"
    """Of one of these it could not be told whether it may."""
    UNPAIRED = "Unpaired"
    """One of two arms that were to take turns, run while the other one took none."""


def counted(own: T | None, seen: T | None, late: bool) -> T | None:
    """The time that counts: ours, for there is one clock, but the agent's where we could not look.

    Times may be decoded or not yet. Pure.
    """
    return own if late and own is not None else seen
