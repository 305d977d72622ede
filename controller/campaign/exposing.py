"""What the campaign's agent may read of the evaluation: asked when the campaign is admitted, and for every attempt."""

from __future__ import annotations

from controller.agents.rights import Account, Attributes, Exposure, Places, look
from controller.api import CampaignSpec
from controller.campaign.services import Services
from subjects.cluster import ClusterError, ClusterUnreachable


async def exposure(services: Services, spec: CampaignSpec, campaign_namespace: str) -> Exposure | None:
    """What the account of the agent's Deployment may read. None where no Deployment is named, or no agent acts."""
    named = spec.agent.workload
    if not named.name or not spec.mode.wants_agent:
        return None
    try:
        deployment = await services.deployments.get(named.namespace, named.name)
    except (ClusterError, ClusterUnreachable):
        return Exposure(None)
    places = Places(campaign_namespace, spec.subject.namespace, services.namespace)

    async def ask(account: Account, attributes: Attributes) -> bool | None:
        return await services.reviews.may(account.user, account.groups, attributes)

    return await look(Account(named.namespace, deployment.account), places, ask)
