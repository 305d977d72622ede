"""Over HTTP, on a port of its own: /metrics, GET, and nothing else."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from httpx import AsyncClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from controller.api import Outcome
from controller.metrics.prometheus import Metrics
from controller.metrics.serving import serving_metrics
from controller.settings import Settings
from tests.support.ports import free_port
from tests.support.scraping import Scrape
from tests.unit.metrics.samples import ended


def settings(url: str, port: int) -> Settings:
    return Settings(url, {}, 0, metrics_port=port)


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    metrics, port = Metrics(), free_port()
    metrics.attempt_ended(ended(Outcome.SELF_HEALED, recovered=3))
    async with (
        serving_metrics(metrics.registry, settings(url, port), ["tikv"]) as served,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{served}", trust_env=False) as asking,
    ):
        yield asking


async def test_what_was_counted_and_what_is_on_record_stand_on_one_page(client: AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    seen = Scrape(answer.text)
    assert seen.series("attempts_total", "outcome") == {"SelfHealed": 1}
    assert seen.series("queue_length", "subject") == {"tikv": 2, "other": 2}


async def test_who_asks_for_openmetrics_gets_it(client: AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "evalcampaign_attempts" in {family.name for family in openmetrics(answer.text)}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/v1/campaigns", 404), ("POST", "/metrics", 405)]
)
async def test_nothing_else_is_answered(client: AsyncClient, method: str, path: str, status: int) -> None:
    assert (await client.request(method, path)).status_code == status


async def test_a_port_that_is_taken_is_a_warning_and_no_more(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken, caplog.at_level(logging.WARNING):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with serving_metrics(Metrics().registry, settings(url, taken.getsockname()[1]), []) as port:
            assert port is None
    assert "the metrics cannot be read over HTTP" in caplog.text
