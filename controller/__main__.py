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
from controller.agents.intake.parser_pool import parser_pool
from controller.agents.intake.tokens import CampaignTokens, TokenExchange, TokenRegistry, TokenSecrets
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
    """Runs the controller until a signal, or `stop`, ends it. `ready` is set once it handles campaigns.

    Raises RecordsError when the records cannot be opened, InvalidSetting when a port cannot be listened on.
    """
    liveness = Liveness()
    async with AsyncExitStack() as probe:
        if settings.liveness_port:  # before anything that may take long: the kubelet kills what does not answer
            await probe.enter_async_context(_listening_on(liveness.application(), settings.liveness_port, "LIVENESS"))
        await _serve(settings, liveness, stop, ready, _installed_subjects() if subjects is None else subjects)


async def _serve(
    settings: Settings,
    liveness: Liveness,
    stop: Event | None,
    ready: Event | None,
    subjects: Mapping[str, SubjectFactory],
) -> None:
    metrics = Metrics()
    # The records first: a second controller must fail before it has touched anything.
    liveness.waits_for = "the records are being opened, and migrated where they are older"
    records = await Records.open(settings.database, _show_waiting_for_records, metrics, settings.log_limits)
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
        async with AsyncExitStack() as background:
            if settings.intake_port:
                workers = await background.enter_async_context(parser_pool())
                app = intake(records, registry.campaign_of, now, workers, metrics)
                await background.enter_async_context(_listening_on(app, settings.intake_port, "INTAKE"))
            await background.enter_async_context(serving_records(settings.database, settings.records_port, exchange))
            await background.enter_async_context(serving_metrics(metrics.registry, settings, subjects))
            await background.enter_async_context(sampling_lag(metrics))
            await background.enter_async_context(garbage_collection(services))
            liveness.waits_for, liveness.restart_reason = None, lambda: handlers.overdue_driver(now())
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
    """Returns the subjects of this and of other packages. The log names each that cannot be used."""
    found = installed()
    for refused in found.refused:
        log.warning("%s", refused)
    return found.subjects


@asynccontextmanager
async def _listening_on(app: ASGIApp, port: int, what: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as served:
        try:
            # The kubelet and agents connect from outside; all else listens on 127.0.0.1 unless a setting says so.
            await served.enter_async_context(serving(app, ANY_ADDRESS, port))
        except OSError as error:
            why = f"EVALCAMPAIGN_{what}_PORT: nobody can listen on port {port} here: {error.strerror}"
            raise InvalidSetting(why) from error
        yield


def _agent_files(settings: Settings) -> FilePolicy | None:
    """Returns which files of agents may be read; None without a folder for them, and never the records' own file."""
    if settings.agent_files is None:
        return None
    own = sqlite_path(settings.database)
    return FilePolicy(str(settings.agent_files), () if own is None else (str(own),))


def _show_waiting_for_records(message: str) -> None:
    """Shows in every campaign's status that the records cannot be reached."""
    log.warning(message)
    for driver in handlers.DRIVERS.values():
        driver.wait_for_records(message)


def main() -> int:
    """Returns the exit status: 0 after a signal, 1 when the controller could not run."""
    kopf.configure(log_prefix=True)
    for chatty in ("httpx", "aiohttp.access", "alembic.runtime.plugins", "kopf.activities.probe", "kopf.objects"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # else invalid requests fill the log
    log_printably()
    # Kopf handles SIGTERM once it runs. Until then, process 1 of a container ignores it by default.
    signal.signal(signal.SIGTERM, _exit)
    raise_descriptor_limit()
    try:
        asyncio.run(serve(Settings.from_environment()))
    except (RecordsError, NoCluster, InvalidSetting) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _exit(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    assert handlers  # imported for their registration
    sys.exit(main())
