"""Which two campaigns are the arms of one experiment. Pure.

The arms are the campaigns of one namespace and one group. Of more than two, the oldest and the oldest with another arm
are the pair: whoever comes late, or comes as an arm that is there already, cannot break up two that take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.api import Reason
from controller.difference import changes
from controller.records.comparing import compared
from controller.records.rows import CampaignRow, Json


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a campaign has no partner though its group has other members, as a reason and a sentence."""

    reason: Reason
    message: str


def title(campaign: CampaignRow) -> str:
    """As people name the campaign: `namespace/name`."""
    return campaign.qualified_name


def group_of(campaign: CampaignRow) -> str:
    """The experiment that the campaign belongs to; empty where it takes no turns."""
    return str(campaign.spec.get("interleave", {}).get("group", ""))


def arm_of(campaign: CampaignRow) -> str:
    """Which arm of it the campaign is."""
    return str(campaign.spec.get("interleave", {}).get("arm", ""))


def partner_of(campaign: CampaignRow, members: Sequence[CampaignRow]) -> CampaignRow | Misfit | None:
    """The other arm; None where there is none, or none yet. `members` are the group's, the campaign itself too."""
    if not group_of(campaign):
        return None
    first, *others = sorted(members, key=lambda row: (row.created_at, title(row), row.uid))
    second = next((row for row in others if arm_of(row) != arm_of(first)), None)
    pair = {row.uid: row for row in (first, second) if row is not None}
    if campaign.uid not in pair:
        return _late(campaign, list(pair.values()))
    partner = next((row for uid, row in pair.items() if uid != campaign.uid), None)
    if partner is not None and (fields := _differing(campaign, partner)):
        what = f"campaign {title(partner)} of the same group differs in {', '.join(fields)}"
        return Misfit(Reason.PARTNER_DIFFERS, what)
    return partner


def _late(campaign: CampaignRow, pair: Sequence[CampaignRow]) -> Misfit:
    for other in pair:
        if arm_of(other) == arm_of(campaign):
            what = f"arm {arm_of(other)} of group {group_of(campaign)} is campaign {title(other)}"
            return Misfit(Reason.ARM_TAKEN, what)
    there = " and ".join(title(row) for row in pair)
    return Misfit(Reason.GROUP_FULL, f"group {group_of(campaign)} has its two arms: campaigns {there}")


def _differing(first: CampaignRow, second: CampaignRow) -> list[str]:
    """The fields of the specs that differ and must not: with other trials there are no pairs."""
    return [change.path for change in changes(_shared(first), _shared(second))]


def _shared(campaign: CampaignRow) -> dict[str, Json]:
    return compared(campaign.spec) | {name: campaign.spec[name] for name in ("seed", "trials")}
