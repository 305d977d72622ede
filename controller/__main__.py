"""`python -m controller`: in the cluster with the pod's ServiceAccount, outside with the current kubeconfig context."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from threading import Event

import kopf
from starlette.types import ASGIApp

from controller import handlers
from controller.agents.intake.app import intake
from controller.agents.intake.tokens import CampaignTokens, TokenExchange, TokenRegistry, TokenSecrets
from controller.agents.intake.workers import working
from controller.agents.protocol import FilePolicy
from controller.campaign.lifecycle import garbage_collection
from controller.campaign.services import Services
from controller.clock import Clock
from controller.connections import raise_descriptor_limit
from controller.kube import KubeApi, NoCluster, wait_for_crd
from controller.liveness import Liveness
from controller.metrics.collectors import sampling_lag
from controller.metrics.prometheus import Metrics
from controller.metrics.serving import serving_metrics
from controller.printable import log_printably
from controller.reading.server import serving_records
from controller.records import Records, RecordsError
from controller.records.database import sqlite_path
from controller.serving import ANY_ADDRESS, serving
from controller.settings import InvalidSetting, Settings
from subjects.protocol import SubjectFactory
from subjects.registry import installed

log = logging.getLogger(__name__)


async def serve(
    settings: Settings,
    stop: Event | None = None,
    ready: Event | None = None,
    subjects: Mapping[str, SubjectFactory] | None = None,
) -> None:
    """Run the controller until a signal, or `stop`, ends it. Raises RecordsError when the records cannot be had.

    InvalidSetting where it cannot listen for the kubelet or for agents.
    """
    liveness = Liveness()
    async with AsyncExitStack() as first:
        if settings.liveness_port:  # before anything that may take long: who is not heard of is killed
            await first.enter_async_context(_listening(liveness.application(), settings.liveness_port, "LIVENESS"))
        await _serve(settings, liveness, stop, ready, _installed_subjects() if subjects is None else subjects)


async def _serve(
    settings: Settings,
    liveness: Liveness,
    stop: Event | None,
    ready: Event | None,
    subjects: Mapping[str, SubjectFactory],
) -> None:
    metrics = Metrics()
    # The records first: a second controller must find out before it has touched anything.
    liveness.waits_for = "the records are being opened, and migrated where they are older"
    records = await Records.open(settings.database, _await_records, metrics, settings.log_limits)
    try:
        api = await KubeApi.connect(settings.kubeconfig, metrics, settings.field_manager)
    except BaseException:
        await records.close()
        raise
    now, registry = Clock().now, TokenRegistry()
    secrets = TokenSecrets(api, settings.namespace)
    tokens = CampaignTokens(registry, secrets) if settings.intake_port else None
    exchange = TokenExchange(api, secrets).exchange if settings.intake_port else None
    services = Services(
        api,
        records,
        subjects,
        settings.images,
        now,
        tokens,
        metrics,
        opt_in=settings.opt_in,
        namespace=settings.namespace,
        agent_files=_agent_files(settings),
        active_campaigns=settings.active_campaigns,
    )
    try:
        liveness.waits_for = "the API server does not serve EvalCampaigns yet"
        await wait_for_crd(api)
        async with AsyncExitStack() as beside:
            if settings.intake_port:
                workers = await beside.enter_async_context(working())
                app = intake(records, registry.campaign_of, now, workers, metrics)
                await beside.enter_async_context(_listening(app, settings.intake_port, "INTAKE"))
            await beside.enter_async_context(serving_records(settings.database, settings.records_port, exchange))
            await beside.enter_async_context(serving_metrics(metrics.registry, settings, subjects))
            await beside.enter_async_context(sampling_lag(metrics))
            await beside.enter_async_context(garbage_collection(services))
            liveness.waits_for, liveness.trouble = None, lambda: handlers.overdue_driver(now())
            await kopf.operator(
                registry=kopf.get_default_registry(),
                clusterwide=True,
                memo=kopf.Memo(services=services),
                stop_flag=stop,
                ready_flag=ready,
            )
    finally:
        await services.close()


def _installed_subjects() -> Mapping[str, SubjectFactory]:
    """Ours and those of other packages. The log names each that cannot be used."""
    found = installed()
    for refused in found.refused:
        log.warning("%s", refused)
    return found.subjects


@asynccontextmanager
async def _listening(app: ASGIApp, port: int, what: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as served:
        try:
            # The kubelet and agents get there; all else listens on 127.0.0.1, unless a setting says otherwise.
            await served.enter_async_context(serving(app, ANY_ADDRESS, port))
        except OSError as error:
            why = f"EVALCAMPAIGN_{what}_PORT: nobody can listen on port {port} here: {error.strerror}"
            raise InvalidSetting(why) from error
        yield


def _agent_files(settings: Settings) -> FilePolicy | None:
    """Which files of agents may be read: none, where no folder is named for them, and never the records' own."""
    if settings.agent_files is None:
        return None
    own = sqlite_path(settings.database)
    return FilePolicy(str(settings.agent_files), () if own is None else (str(own),))


def _await_records(why: str) -> None:
    """Show in every campaign's status that the records cannot be reached."""
    log.warning(why)
    for driver in handlers.DRIVERS.values():
        driver.wait_for_records(why)


def main() -> int:
    """Exit status 0 after a signal, 1 when it could not run."""
    kopf.configure(log_prefix=True)
    for chatty in ("httpx", "aiohttp.access", "alembic.runtime.plugins", "kopf.activities.probe", "kopf.objects"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # else whoever sends nonsense fills the log
    log_printably()
    # Kopf minds SIGTERM once it runs. Until then, process 1 of a container would not even die of it.
    signal.signal(signal.SIGTERM, _leave)
    raise_descriptor_limit()
    try:
        asyncio.run(serve(Settings.from_environment()))
    except (RecordsError, NoCluster, InvalidSetting) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _leave(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    assert handlers  # imported for their registration
    sys.exit(main())
