"""The agent of a campaign: the source of its work, its session in each attempt, its token, and what it may read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from controller.agents.exposure import Account, Attributes, Exposure, Namespaces, check_exposure
from controller.agents.protocol import AgentSource
from controller.agents.sources import InvalidSource
from controller.api import CampaignSpec, Reason
from controller.attempt.agent_session import AgentSession
from controller.campaign.preconditions import Rejected
from controller.campaign.services import Services
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.retry import retry_until_reachable

log = logging.getLogger(__name__)


async def open_agent_source(
    services: Services, spec: CampaignSpec, campaign_uid: str, on_retry: Callable[[], None]
) -> AgentSource | None:
    """Opens the campaign's agent source, if it names one. Waits for the API server, and calls `on_retry` meanwhile.

    Raises Rejected where the source can never be opened.
    """
    try:
        return await retry_until_reachable(
            lambda: services.sources.open(spec.agent, campaign_uid), lambda _: on_retry()
        )
    except InvalidSource as invalid:
        raise Rejected(Reason.INVALID_AGENT, str(invalid)) from None


def new_agent_session(
    services: Services, spec: CampaignSpec, source: AgentSource | None, campaign_namespace: str
) -> AgentSession:
    """Returns the agent's session for one attempt."""
    subject = f"{spec.subject.type}/{spec.subject.namespace}"
    exposure = partial(agent_exposure, services, spec, campaign_namespace)
    return AgentSession(spec.mode, source, services.workload(spec), subject, services.now, exposure)


async def end_agent_source(services: Services, spec: CampaignSpec, campaign_uid: str) -> None:
    """Informs the source's plug-in that the campaign has ended: that of `http` deletes its token.

    A Secret that cannot be deleted now is harmless, because its campaign takes no more tickets.
    """
    try:
        await services.sources.end(spec.agent, campaign_uid)
    except (ClusterError, ClusterUnreachable) as error:
        log.warning("the token of campaign %s stays: %s", campaign_uid, error)


async def agent_exposure(services: Services, spec: CampaignSpec, campaign_namespace: str) -> Exposure | None:
    """Returns what the ServiceAccount of the agent's Deployment may read of the evaluation.

    None where the campaign names no Deployment, or no agent acts.
    """
    named = spec.agent.workload
    if not named.name or not spec.mode.wants_agent:
        return None
    try:
        deployment = await services.deployments.get(named.namespace, named.name)
    except (ClusterError, ClusterUnreachable):
        return Exposure(None)
    namespaces = Namespaces(campaign_namespace, spec.subject.namespace, services.namespace)

    async def ask(account: Account, attributes: Attributes) -> bool | None:
        return await services.reviews.may(account.user, account.groups, attributes)

    return await check_exposure(Account(named.namespace, deployment.account), namespaces, ask)
