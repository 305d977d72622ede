"""What Kopf calls. Thin: a daemon runs a campaign's driver, a delete handler undoes what was left.

Kopf's `patch` and return values are never used: a status write that the API server refuses would kill the daemon
without a word. Statuses are written by the driver's own projector (docs/decisions/002-kopf-only-watches.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import kopf

from controller.api import GROUP, PLURAL, VERSION
from controller.attempt.injection import CleanupFailed
from controller.attempt.outcome import StopReason
from controller.campaign.driver import CampaignDriver
from controller.campaign.finalizer import finalize, release
from controller.campaign.parsing import InvalidCampaign, campaign_from_body, refuse_invalid, reports_finished
from controller.campaign.services import Services
from subjects.cluster import ClusterUnreachable

log = logging.getLogger(__name__)

CAMPAIGNS = (GROUP, VERSION, PLURAL)

EXIT_SECONDS = 40
"""What a driver gets after SIGTERM to undo its fault and close its row; the pod's grace period is longer."""

LOGIN_RETRY_SECONDS = 5
"""How often we ask again for a credential that nobody gives us."""

DELETION_RETRY_SECONDS = 10
"""How often a deletion tries again to clean up."""

DRIVERS: dict[str, CampaignDriver] = {}
"""The running drivers by campaign uid: the delete handler waits for them, the liveness probe looks after them."""


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Settings with a reason each."""
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP, v1=False)
    settings.scanning.disabled = True  # needs rights on CRDs and namespaces that we do not want
    settings.peering.standalone = True  # a stray peering object must not pause us
    settings.background.cancellation_polling = 1  # else a deletion may hang for a minute
    settings.background.instant_exit_timeout = 0.1
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    settings.queueing.error_delays = (1, 2, 5, 10, 30)  # else one object's retries climb to ten minutes
    settings.process.ultimate_exiting_timeout = EXIT_SECONDS + 10
    settings.posting.enabled = False  # Events are the projector's


@kopf.on.login()
async def log_in(memo: kopf.Memo, **_: Any) -> kopf.AiohttpSession:
    """Kopf asks the same API server, as the same person, as everything else here.

    Its session gets a new token by itself. Kopf comes here for another session where none was taken, or where a
    certificate is to be replaced.
    """
    services: Services = memo.services
    api = services.api
    try:
        session = await api.open_authenticated_session()
    except ClusterUnreachable as away:
        raise kopf.TemporaryError(str(away), delay=LOGIN_RETRY_SECONDS) from None
    return kopf.AiohttpSession(
        server=api.connection.server, aiohttp_session=session, expiration=api.credentials.certificate_ends_at
    )


@kopf.daemon(*CAMPAIGNS, cancellation_backoff=EXIT_SECONDS, cancellation_timeout=5, backoff=2)
async def drive(body: kopf.Body, uid: str, stopped: kopf.DaemonStopped, memo: kopf.Memo, **_: Any) -> None:
    """Drive one campaign for as long as it takes.

    Every campaign gets its driver, whatever its status says: whether it is over, only the records know. For one that
    is, the driver sees to it that the status says so too, and waits until the object may go.
    """
    services: Services = memo.services
    if reports_finished(body) and await services.records.get_campaign(uid) is None:
        # Records were lost or are another's: that is no reason to break anything once more.
        log.info("campaign %s has finished, by records that we do not have; it is not run again", body.meta.name)
        return
    try:
        # Nothing is awaited between this look at the spec and the entry into DRIVERS: no change is missed.
        driver = DRIVERS[uid] = CampaignDriver(services, campaign_from_body(body))
    except InvalidCampaign as invalid:
        await refuse_invalid(services, body, invalid)
        return
    try:
        async with _relaying(stopped, driver):
            await driver.run()
            await driver.wait_for_deletion()
    except Exception:
        log.exception("the driver of campaign %s broke down; it starts again", driver.name)
        raise
    finally:
        del DRIVERS[uid]


@asynccontextmanager
async def _relaying(stopped: kopf.DaemonStopped, driver: CampaignDriver) -> AsyncIterator[None]:
    """Tell the driver when Kopf says stop, in the driver's words."""

    async def relay() -> None:
        await stopped.wait()
        deleted = stopped.reason is not None and kopf.DaemonStoppingReason.RESOURCE_DELETED in stopped.reason
        driver.leave(StopReason.DELETED if deleted else StopReason.EXITING)

    relaying = asyncio.create_task(relay())
    try:
        yield
    finally:
        relaying.cancel()
        driver.ended.set()


@kopf.on.delete(*CAMPAIGNS, backoff=2)
async def on_delete(body: kopf.Body, uid: str, memo: kopf.Memo, **_: Any) -> None:
    """Let a campaign go once nothing of it is left in the subject. Kopf may call this twice; twice is once."""
    services: Services = memo.services
    try:
        campaign = campaign_from_body(body)
    except InvalidCampaign:
        return
    await _end_driver(uid)
    try:
        await finalize(services, campaign, datetime.fromisoformat(body["metadata"]["deletionTimestamp"]))
    except CleanupFailed as failure:
        raise kopf.TemporaryError(str(failure), delay=DELETION_RETRY_SECONDS) from failure


@kopf.on.event(*CAMPAIGNS)
async def notice(type: str | None, body: kopf.Body, uid: str, memo: kopf.Memo, **_: Any) -> None:
    """Tell a driver that its spec has changed (docs/decisions/006-told-by-events.md), or that its object is gone.

    The latter when somebody took our finalizer off: the object went before we were done, and Kopf lets its daemon run
    on.
    """
    services: Services = memo.services
    driver = DRIVERS.get(uid)
    if type == "DELETED":
        row = await services.records.get_campaign(uid)
        if row is not None and row.deleted_at is None:
            await _end_driver(uid)
            await release(services, campaign_from_body(body))
    elif driver and body.meta.get("generation") != driver.generation and "deletionTimestamp" not in body.meta:
        with suppress(InvalidCampaign):
            changed = campaign_from_body(body)
            driver.heed(changed.spec, changed.generation)


async def _end_driver(uid: str) -> None:
    if driver := DRIVERS.get(uid):
        driver.leave(StopReason.DELETED)
        await driver.ended.wait()


def overdue_driver(now: datetime) -> str | None:
    """Says which driver has said nothing for too long, if there is one: the process is then to be ended."""
    for driver in DRIVERS.values():
        if now > driver.due_at:
            return f"the driver of {driver.name} has said nothing since {driver.due_at}"
    return None
