"""`/metrics`, for a Prometheus, on a port of its own.

Not on the agents' port: what is counted tells which chaos comes and how the campaign goes, and an agent that reads its
own examination is of no use. Not on the port of the records either: a Prometheus is to see numbers, not rows.
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
    """Answer with what `registry` holds, and with the recorded campaigns, for as long as the block lasts.

    Yields the port; None where nothing is served, as `serving_if_possible` says. `subjects` are the known types.
    """
    registry.register(RecordedCampaigns(settings.database, subjects))
    registry.register(RecordsDisk(settings.database))
    app = application(registry)
    async with serving_if_possible(app, settings.metrics_host, settings.metrics_port, "the metrics") as served:
        yield served


def application(registry: CollectorRegistry) -> Starlette:
    """Answers GET /metrics in Prometheus' text format, or in OpenMetrics where that is asked for."""

    def scrape(request: Request) -> Response:  # not async, so Starlette calls it in a thread: it reads the records
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return Starlette(routes=[Route("/metrics", scrape, methods=["GET"])])
