"""The handlers that Kopf calls. A daemon runs a campaign's driver, a delete handler is its finalizer.

Kopf's `patch` and return values are never used: a status write that the API server refuses would end the daemon
without an error. Statuses are written by the driver's own StatusWriter (docs/decisions/002-kopf-only-watches.md).
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
from controller.campaign.lifecycle import finalize, release
from controller.campaign.parsing import InvalidCampaign, campaign_from_body, refuse_invalid, reports_finished
from controller.campaign.services import Services
from subjects.cluster import ClusterUnreachable

log = logging.getLogger(__name__)

CAMPAIGNS = (GROUP, VERSION, PLURAL)

EXIT_SECONDS = 40
"""How long a driver has after SIGTERM to revert its fault and close its row; the pod's grace period is longer."""

LOGIN_RETRY_SECONDS = 5
"""The pause after a login without a credential."""

DELETION_RETRY_SECONDS = 10
"""The pause after a finalizer whose cleanup failed."""

DRIVERS: dict[str, CampaignDriver] = {}
"""The running drivers by campaign uid. The delete handler waits for them; the liveness probe checks their heartbeat."""


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Configures Kopf; each setting that needs one has its reason in a comment."""
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP, v1=False)
    settings.scanning.disabled = True  # it needs permissions on CRDs and namespaces
    settings.peering.standalone = True  # a stray peering object must not pause the controller
    settings.background.cancellation_polling = 1  # else a deletion may hang for a minute
    settings.background.instant_exit_timeout = 0.1
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    settings.queueing.error_delays = (1, 2, 5, 10, 30)  # else one object's retries climb to ten minutes
    settings.process.ultimate_exiting_timeout = EXIT_SECONDS + 10
    settings.posting.enabled = False  # the driver's EventRecorder posts them


@kopf.on.login()
async def log_in(memo: kopf.Memo, **_: Any) -> kopf.AiohttpSession:
    """Logs Kopf in with the session of everything else here, which renews its token by itself.

    Kopf logs in again where no session was accepted, and where a certificate is to be replaced.
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
    """Drives one campaign until its object is deleted.

    Every campaign gets a driver, regardless of its status: only the records know whether it has ended. For one that
    has, the driver rewrites the status where it differs, and waits until the object is deleted.
    """
    services: Services = memo.services
    if reports_finished(body) and await services.records.get_campaign(uid) is None:
        # The records were lost or are another controller's: that is no reason to run the campaign once more.
        log.info(
            "campaign %s has finished by its status, and is not in the records; it is not run again", body.meta.name
        )
        return
    try:
        # Nothing is awaited between the parsing of the spec and the entry into DRIVERS: no change is missed.
        driver = DRIVERS[uid] = CampaignDriver(services, campaign_from_body(body))
    except InvalidCampaign as invalid:
        await refuse_invalid(services, body, invalid)
        return
    try:
        async with _relaying_stop(stopped, driver):
            await driver.run()
            await driver.wait_for_deletion()
    except Exception:
        log.exception("the driver of campaign %s failed; it starts again", driver.name)
        raise
    finally:
        del DRIVERS[uid]


@asynccontextmanager
async def _relaying_stop(stopped: kopf.DaemonStopped, driver: CampaignDriver) -> AsyncIterator[None]:
    """Shuts the driver down when Kopf stops the daemon."""

    async def relay() -> None:
        await stopped.wait()
        deleted = stopped.reason is not None and kopf.DaemonStoppingReason.RESOURCE_DELETED in stopped.reason
        driver.shut_down(StopReason.DELETED if deleted else StopReason.EXITING)

    relaying = asyncio.create_task(relay())
    try:
        yield
    finally:
        relaying.cancel()
        driver.ended.set()


@kopf.on.delete(*CAMPAIGNS, backoff=2)
async def on_delete(body: kopf.Body, uid: str, memo: kopf.Memo, **_: Any) -> None:
    """Removes the finalizer once nothing of the campaign is left in the subject. Idempotent: Kopf may call it twice."""
    services: Services = memo.services
    try:
        campaign = campaign_from_body(body)
    except InvalidCampaign:
        return
    await _shut_down_driver(uid)
    try:
        await finalize(services, campaign, datetime.fromisoformat(body["metadata"]["deletionTimestamp"]))
    except CleanupFailed as failure:
        raise kopf.TemporaryError(str(failure), delay=DELETION_RETRY_SECONDS) from failure


@kopf.on.event(*CAMPAIGNS)
async def on_event(type: str | None, body: kopf.Body, uid: str, memo: kopf.Memo, **_: Any) -> None:
    """Applies a changed spec (docs/decisions/006-told-by-events.md), or cleans up after an object that is gone.

    The latter happens when somebody removed the finalizer: the object went before its time, and Kopf keeps its daemon.
    """
    services: Services = memo.services
    driver = DRIVERS.get(uid)
    if type == "DELETED":
        row = await services.records.get_campaign(uid)
        if row is not None and row.deleted_at is None:
            await _shut_down_driver(uid)
            await release(services, campaign_from_body(body))
    elif driver and body.meta.get("generation") != driver.generation and "deletionTimestamp" not in body.meta:
        with suppress(InvalidCampaign):
            changed = campaign_from_body(body)
            driver.apply_spec(changed.spec, changed.generation)


async def _shut_down_driver(uid: str) -> None:
    if driver := DRIVERS.get(uid):
        driver.shut_down(StopReason.DELETED)
        await driver.ended.wait()


def overdue_driver(now: datetime) -> str | None:
    """Returns which driver has missed its heartbeat, if one has: the process should then be restarted."""
    for driver in DRIVERS.values():
        if now > driver.due_at:
            return f"the driver of {driver.name} has said nothing since {driver.due_at}"
    return None
