"""Decides whose turn it is of two arms that share a subject. Pure: a function of how far each has come by the records.

The arms take turns trial by trial in the order A B, B A, A B, …, where A is the arm whose name sorts first: so neither
is always the second to meet what the other has left, and a drift over time adds to both alike. The attempts of one
trial belong to one turn. Nothing is remembered, so a restart changes nothing
(docs/decisions/055-turns-from-the-records.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from controller.api import Reason
from controller.records import Arms, InterleavedArm
from controller.status import Interleaving
from controller.text import utc_seconds


class TurnOwner(Enum):
    """Whose turn it is."""

    SELF = "self"
    PARTNER = "partner"
    UNKNOWN = "unknown"
    """There is no partner yet; it may still be created."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of two arms. `interleaving` says whether the next trial has its pair; None while that is unknown."""

    owner: TurnOwner
    interleaving: Interleaving | None

    @property
    def alone(self) -> bool:
        """Returns whether a trial that is run now has no pair."""
        return self.interleaving is not None and not self.interleaving.holds


def runs_first(arm: str, other: str, trial: int) -> bool:
    """Returns whether `arm` runs this trial before `other` does."""
    return (arm < other) == (trial % 2 == 1)


def decide_turn(arms: Arms) -> Turn:
    """Returns whose turn it is, as the campaign `arms.mine` sees it.

    An arm that has gone on alone stays alone: two trials that ran hours apart are no pair.
    """
    mine, partner = arms.mine, arms.partner
    trial = mine.tally.next_trial
    if mine.tally.unpaired_from is not None or arms.no_partner is not None:
        return turn_alone(arms)
    if partner is None:
        return Turn(TurnOwner.UNKNOWN, None)
    theirs, theirs_alone = partner.tally.next_trial, partner.tally.unpaired_from
    turns = Interleaving(True, Reason.TAKES_TURNS, f"takes turns with campaign {partner.title}, arm {partner.name}")
    if theirs > trial and (theirs_alone is None or theirs_alone > trial):
        return Turn(TurnOwner.SELF, turns)  # that trial's other half is done, whatever became of the partner since
    if partner.campaign.phase.terminal or theirs_alone is not None:
        return turn_alone(arms)
    behind = trial < theirs or (trial == theirs and runs_first(mine.name, partner.name, trial))
    return Turn(TurnOwner.SELF if behind else TurnOwner.PARTNER, turns)


def turn_alone(arms: Arms) -> Turn:
    """Returns the campaign's turn without the other arm."""
    reason, why = _why_alone(arms)
    trial = arms.mine.tally.unpaired_from or arms.mine.tally.next_trial
    return Turn(TurnOwner.SELF, Interleaving(False, reason, f"goes on alone from trial {trial}, without pairs: {why}"))


def describe_partner(arms: Arms, holds_subject: bool) -> str:
    """Returns what the other arm does while the campaign waits. `holds_subject`: the campaign has it meanwhile."""
    partner = arms.partner
    assert partner is not None, "it is the partner's turn"
    if holds_subject:
        phase = partner.campaign.phase
        return f"waits for its turn: arm {partner.name} (campaign {partner.title}) is {phase}"
    return f"waits for its turn: arm {partner.name} runs trial {partner.tally.next_trial}"


def describe_missing_partner(until: datetime) -> str:
    """Returns what the campaign waits for while nobody has created its partner."""
    when = utc_seconds(until)
    return f"waits for the other arm of its group, which is not there yet; goes on alone at {when}"


def _why_alone(arms: Arms) -> tuple[Reason, str]:
    if arms.no_partner is not None:
        return arms.no_partner.reason, arms.no_partner.message
    partner: InterleavedArm | None = arms.partner
    if partner is not None and partner.campaign.phase.terminal:
        return Reason.PARTNER_ENDED, f"arm {partner.name} (campaign {partner.title}) is {partner.campaign.phase}"
    if partner is not None and partner.tally.unpaired_from is not None:
        return Reason.PARTNER_ALONE, f"arm {partner.name} (campaign {partner.title}) does so itself"
    return Reason.PARTNER_MISSING, "the other arm of its group was not there in time"
