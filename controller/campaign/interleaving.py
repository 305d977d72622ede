"""Whose turn it is of two arms that share a subject. Pure: from how far each has come by the records, and nothing else.

The arms take turns trial by trial in the order A B, B A, A B, …, A being the one whose name sorts first: so neither is
always the second to meet what the other has left, and a drift over time adds to both alike. The attempts of one trial
belong to one turn. Nothing is remembered, so a restart changes nothing (docs/decisions/055-turns-from-the-records.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from controller.api import Reason
from controller.records import Arm, Arms
from controller.status import Interleaving
from controller.text import utc_seconds


class Whose(Enum):
    """Whose turn it is."""

    MINE = "mine"
    PARTNERS = "partner's"
    UNKNOWN = "unknown"
    """There is no partner yet: it may be about to come."""


@dataclass(frozen=True, slots=True)
class Turn:
    """`interleaving` is what is to be said of it: whether the next trial has its pair. None while that is unknown."""

    whose: Whose
    interleaving: Interleaving | None

    @property
    def alone(self) -> bool:
        """Whether a trial that is run now has no pair."""
        return self.interleaving is not None and not self.interleaving.holds


def begins(arm: str, other: str, trial: int) -> bool:
    """Whether `arm` runs this trial before `other` does."""
    return (arm < other) == (trial % 2 == 1)


def decide(arms: Arms) -> Turn:
    """Whose turn it is, as the campaign sees it whose view `arms` is.

    Whoever has gone alone stays alone: a pair whose halves are hours apart is none.
    """
    mine, partner = arms.mine, arms.partner
    trial = mine.tally.next_trial
    if mine.tally.unpaired_from is not None or arms.no_partner is not None:
        return alone(arms)
    if partner is None:
        return Turn(Whose.UNKNOWN, None)
    theirs, theirs_alone = partner.tally.next_trial, partner.tally.unpaired_from
    turns = Interleaving(True, Reason.TAKES_TURNS, f"takes turns with campaign {partner.title}, arm {partner.name}")
    if theirs > trial and (theirs_alone is None or theirs_alone > trial):
        return Turn(Whose.MINE, turns)  # that trial's other half is done, whatever became of the partner since
    if partner.campaign.phase.terminal or theirs_alone is not None:
        return alone(arms)
    behind = trial < theirs or (trial == theirs and begins(mine.name, partner.name, trial))
    return Turn(Whose.MINE if behind else Whose.PARTNERS, turns)


def alone(arms: Arms) -> Turn:
    """The campaign's turn, without the other arm."""
    reason, why = _why_alone(arms)
    trial = arms.mine.tally.unpaired_from or arms.mine.tally.next_trial
    return Turn(Whose.MINE, Interleaving(False, reason, f"goes on alone from trial {trial}, without pairs: {why}"))


def waits_for(arms: Arms, held: bool) -> str:
    """What the campaign says while it is not its turn. `held`: it has the subject, which its partner cannot use yet."""
    partner = arms.partner
    assert partner is not None, "somebody's turn it is"
    if held:
        phase = partner.campaign.phase
        return f"waits for its turn: arm {partner.name} (campaign {partner.title}) is {phase}"
    return f"waits for its turn: arm {partner.name} runs trial {partner.tally.next_trial}"


def waits_for_partner(until: datetime) -> str:
    """What it says while there is no partner yet."""
    when = utc_seconds(until)
    return f"waits for the other arm of its group, which is not there yet; goes on alone at {when}"


def _why_alone(arms: Arms) -> tuple[Reason, str]:
    if arms.no_partner is not None:
        return arms.no_partner.reason, arms.no_partner.message
    partner: Arm | None = arms.partner
    if partner is not None and partner.campaign.phase.terminal:
        return Reason.PARTNER_ENDED, f"arm {partner.name} (campaign {partner.title}) is {partner.campaign.phase}"
    if partner is not None and partner.tally.unpaired_from is not None:
        return Reason.PARTNER_ALONE, f"arm {partner.name} (campaign {partner.title}) does so itself"
    return Reason.PARTNER_MISSING, "the other arm of its group was not there in time"
