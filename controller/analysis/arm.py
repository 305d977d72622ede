"""One of the two campaigns that are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controller.analysis.trial import Trial
from controller.api import Mode
from controller.records.rows import CampaignRow


@dataclass(frozen=True, slots=True)
class Arm:
    """A campaign and its trials, by the name that is shown.

    `controls` is how many control campaigns of the same agent have scored trials; None where nobody looked.
    """

    name: str
    campaign: CampaignRow
    trials: Sequence[Trial]
    controls: int | None = None


def controls_of(campaign: CampaignRow, among: Iterable[CampaignRow]) -> int:
    """How many of these are controls of the campaign's agent, on the same subject.

    It is the same agent where the variant is; where none is named, where its work is seen at the same place.
    """
    return sum(
        row.mode is Mode.CONTROL and (row.subject, _agent(row)) == (campaign.subject, _agent(campaign)) for row in among
    )


def _agent(campaign: CampaignRow) -> object:
    """Its variant, else its workload, else where its work is seen."""
    agent = campaign.spec.get("agent") or {}
    return campaign.variant or agent.get("workload") or (agent.get("source"), agent.get("path"))
