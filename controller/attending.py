"""The agent's side of a campaign: its source is opened once, and looked at anew in every attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from controller.admission import Impossible
from controller.agents.protocol import AgentSource
from controller.agents.sources import NoSuchSource
from controller.api import CampaignSpec
from controller.attendance import Attendance
from controller.cleanup import RETRY_SECONDS
from controller.services import Services
from subjects.cluster import ClusterUnreachable


@asynccontextmanager
async def attending(
    services: Services, spec: CampaignSpec, source: AgentSource | None
) -> AsyncIterator[Callable[[], Attendance]]:
    """Have the source for as long as the block lasts. Yields what makes the agent's part of an attempt."""
    workload, subject = services.workload(spec), f"{spec.subject.type}/{spec.subject.namespace}"
    try:
        yield lambda: Attendance(spec.mode, source, workload, subject, services.now)
    finally:
        if source is not None:
            await source.close()


async def open_source(
    services: Services, spec: CampaignSpec, campaign_uid: str, alive: Callable[[], None]
) -> AgentSource | None:
    """Open the campaign's source, if it names one, as soon as the API server is there; `alive` is told meanwhile.

    Raises Impossible where the source can never be had.
    """
    while True:
        try:
            return await services.sources.open(spec.agent, campaign_uid)
        except NoSuchSource as none:
            raise Impossible("InvalidAgent", str(none)) from None
        except ClusterUnreachable:
            alive()
            await asyncio.sleep(RETRY_SECONDS)
