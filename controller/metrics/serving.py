"""Serves `/metrics` for Prometheus on a port of its own.

It is not the agents' port, because the metrics show which chaos is injected and how the campaign goes, which an agent
under evaluation must not read. It is not the port of the records, because Prometheus needs numbers and no rows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from controller.metrics.collectors import RecordedCampaigns, RecordsDisk
from controller.serving import serving_if_possible
from controller.settings import Settings


@asynccontextmanager
async def serving_metrics(
    registry: CollectorRegistry, settings: Settings, subjects: Collection[str]
) -> AsyncGenerator[int | None]:
    """Serves the metrics of `registry`, and those of the recorded campaigns, for as long as the block lasts.

    Yields the port; None where nothing is served (`serving_if_possible`). `subjects` are the installed types.
    """
    registry.register(RecordedCampaigns(settings.database, subjects))
    registry.register(RecordsDisk(settings.database))
    app = application(registry)
    async with serving_if_possible(app, settings.metrics_host, settings.metrics_port, "the metrics") as served:
        yield served


def application(registry: CollectorRegistry) -> Starlette:
    """Returns the application for GET /metrics, in Prometheus' text format or, if requested, in OpenMetrics."""

    def scrape(request: Request) -> Response:  # not async, so Starlette calls it in a thread: it reads the records
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return Starlette(routes=[Route("/metrics", scrape, methods=["GET"])])
