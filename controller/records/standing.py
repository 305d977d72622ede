"""How two arms stand that take turns: who they are, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from controller.records import arms, campaigns
from controller.records.rows import CampaignRow, Tally
from controller.records.tally import Tallies


@dataclass(frozen=True, slots=True)
class Arm:
    """A campaign that takes turns, and its attempts, counted."""

    campaign: CampaignRow
    tally: Tally

    @property
    def name(self) -> str:
        """The name of the arm."""
        return arms.arm_of(self.campaign)

    @property
    def title(self) -> str:
        """The campaign, as `namespace/name`."""
        return arms.title(self.campaign)


@dataclass(frozen=True, slots=True)
class Arms:
    """One campaign's view of its group. Without a `partner`, `misfit` says why; there is none at all without either."""

    mine: Arm
    partner: Arm | None = None
    misfit: arms.Misfit | None = None


def look(connection: Connection, tallies: Tallies, campaign_uid: str) -> Arms:
    """See `Records.arms`."""
    campaign = campaigns.existing(connection, campaign_uid)
    found = arms.partner_of(campaign, campaigns.members(connection, campaign))
    mine = Arm(campaign, tallies.of(connection, campaign_uid))
    if isinstance(found, CampaignRow):
        return Arms(mine, Arm(found, tallies.of(connection, found.uid)))
    return Arms(mine, misfit=found)


def hand_over(connection: Connection, campaign_uid: str, to_uid: str, at: datetime) -> bool:
    """See `Records.hand_over`."""
    campaign, to = (campaigns.existing(connection, uid) for uid in (campaign_uid, to_uid))
    return campaigns.hand_over(connection, campaign, to, at)
