"""The agent's side of a campaign: its source is opened once, and looked at anew in every attempt."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from controller.agents.protocol import AgentSource
from controller.agents.sources import InvalidSource
from controller.api import CampaignSpec, Reason
from controller.attempt.agent_session import AgentSession
from controller.campaign.preconditions import Rejected, agent_exposure
from controller.campaign.services import Services
from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.retry import retry_until_reachable

log = logging.getLogger(__name__)


@asynccontextmanager
async def attending(
    services: Services, spec: CampaignSpec, source: AgentSource | None, campaign_namespace: str
) -> AsyncIterator[Callable[[], AgentSession]]:
    """Have the source for as long as the block lasts. Yields what makes the agent's part of an attempt."""
    workload, subject = services.workload(spec), f"{spec.subject.type}/{spec.subject.namespace}"
    exposed = partial(agent_exposure, services, spec, campaign_namespace)
    try:
        yield lambda: AgentSession(spec.mode, source, workload, subject, services.now, exposed)
    finally:
        if source is not None:
            await source.close()


async def open_source(
    services: Services, spec: CampaignSpec, campaign_uid: str, alive: Callable[[], None]
) -> AgentSource | None:
    """Open the campaign's source, if it names one, as soon as the API server is there; `alive` is told meanwhile.

    Raises Rejected where the source can never be had.
    """
    try:
        return await retry_until_reachable(lambda: services.sources.open(spec.agent, campaign_uid), lambda _: alive())
    except InvalidSource as invalid:
        raise Rejected(Reason.INVALID_AGENT, str(invalid)) from None


async def dismiss_agent(services: Services, spec: CampaignSpec, campaign_uid: str) -> None:
    """The campaign's token is of no use any more: an agent that still has it is told so, and its tickets go nowhere.

    A Secret that cannot be deleted now is harmless: it sends for nobody.
    """
    try:
        await services.sources.end(spec.agent, campaign_uid)
    except (ClusterError, ClusterUnreachable) as error:
        log.warning("the token of campaign %s stays: %s", campaign_uid, error)
