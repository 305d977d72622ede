"""Two kinds of failure: the server said no, or nobody knows what it did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.kube.api import KubeApi
from controller.metrics.prometheus import Metrics
from subjects.cluster import ClusterError, ClusterUnreachable
from tests.support.scraping import Scrape
from tests.unit.kube.server import END, PODS, PodServer, serving


@pytest.fixture
async def server() -> PodServer:
    return PodServer()


@pytest.fixture
async def api(server: PodServer) -> AsyncIterator[Any]:
    async with serving(server) as connected:
        yield connected


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
async def test_a_refusal_carries_status_and_message(server: PodServer, api: KubeApi, status: int) -> None:
    server.answer = (status, {"kind": "Status", "message": "not like this"})
    with pytest.raises(ClusterError, match="not like this") as refused:
        await api.request("GET", PODS)
    assert refused.value.status == status


@pytest.mark.parametrize("status", [429, 500, 503, 504])
async def test_an_answer_after_which_nobody_knows_counts_as_none(server: PodServer, api: KubeApi, status: int) -> None:
    server.answer = (status, {"message": "overloaded"})
    with pytest.raises(ClusterUnreachable, match=f"HTTP {status}"):
        await api.request("GET", PODS)


async def test_a_server_that_says_nothing_is_unreachable(server: PodServer, api: KubeApi) -> None:
    server.silent = True
    with pytest.raises(ClusterUnreachable, match="TimeoutError"):
        await api.request("GET", PODS, timeout=0.05)


async def test_an_exchange_takes_every_status_for_an_answer(server: PodServer, api: KubeApi) -> None:
    server.answer = (503, {"health": "false"})
    assert await api.exchange("GET", PODS, body=None) == (503, b'{"health": "false"}')


async def test_requests_are_counted(api: KubeApi) -> None:
    await api.request("GET", PODS)
    await api.request("GET", PODS)
    assert api.requests == 2


async def test_every_request_is_told_with_its_answer_and_a_watch_when_it_is_over(server: PodServer) -> None:
    metrics = Metrics()
    async with serving(server, metrics) as api:
        await api.request("GET", PODS)
        server.feed.put_nowait(END)
        async with api.stream(PODS, {"watch": "true"}) as lines:
            assert await lines.readline() == b""
            assert told(metrics) == {("GET", "2xx"): 1}
        server.answer = (422, {"message": "no"})
        with pytest.raises(ClusterError):
            await api.request("PATCH", PODS)
        server.answer, server.silent = None, True
        with pytest.raises(ClusterUnreachable):
            await api.request("DELETE", PODS, timeout=0.05)
    assert told(metrics) == {("GET", "2xx"): 2, ("PATCH", "4xx"): 1, ("DELETE", "none"): 1}


def told(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return Scrape.of(metrics.registry).series("api_requests_total", "verb", "code")
