"""The agent's side of a campaign: its source is opened once, and looked at anew in every attempt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from controller.admission import Impossible
from controller.agents.sources import NoSuchSource
from controller.api import CampaignSpec
from controller.attendance import Attendance
from controller.cleanup import RETRY_SECONDS
from controller.services import Services
from subjects.cluster import ClusterUnreachable

log = logging.getLogger(__name__)


@asynccontextmanager
async def attending(
    services: Services, spec: CampaignSpec, campaign_uid: str
) -> AsyncIterator[Callable[[], Attendance]]:
    """Open the campaign's source for as long as the block lasts. Yields what makes the agent's part of an attempt.

    Raises Impossible where the source can never be had.
    """
    while True:
        try:
            source = await services.sources.open(spec.agent, campaign_uid)
            break
        except NoSuchSource as none:
            raise Impossible("InvalidAgent", str(none)) from None
        except ClusterUnreachable as away:
            log.warning("the agent's source cannot be opened yet: %s", away)
            await asyncio.sleep(RETRY_SECONDS)
    workload, subject = services.workload(spec), f"{spec.subject.type}/{spec.subject.namespace}"
    try:
        yield lambda: Attendance(spec.mode, source, workload, subject, services.now)
    finally:
        if source is not None:
            await source.close()
