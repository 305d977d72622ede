"""Two kinds of failure: the server said no, or nobody knows what it did."""

from __future__ import annotations

import pytest

from subjects.cluster import ClusterError, ClusterUnreachable
from tests.unit.kube.server import PODS, PodServer, serving


@pytest.fixture
async def server():
    return PodServer()


@pytest.fixture
async def api(server):
    async with serving(server) as connected:
        yield connected


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
async def test_a_refusal_carries_status_and_message(server, api, status):
    server.answer = (status, {"kind": "Status", "message": "not like this"})
    with pytest.raises(ClusterError, match="not like this") as refused:
        await api.request("GET", PODS)
    assert refused.value.status == status


@pytest.mark.parametrize("status", [429, 500, 503, 504])
async def test_an_answer_after_which_nobody_knows_counts_as_none(server, api, status):
    server.answer = (status, {"message": "overloaded"})
    with pytest.raises(ClusterUnreachable, match=f"HTTP {status}"):
        await api.request("GET", PODS)


async def test_a_server_that_says_nothing_is_unreachable(server, api):
    server.silent = True
    with pytest.raises(ClusterUnreachable, match="TimeoutError"):
        await api.request("GET", PODS, timeout=0.05)


async def test_an_exchange_takes_every_status_for_an_answer(server, api):
    server.answer = (503, {"health": "false"})
    assert await api.exchange("GET", PODS, body=None) == (503, b'{"health": "false"}')


async def test_requests_are_counted(api):
    await api.request("GET", PODS)
    await api.request("GET", PODS)
    assert api.requests == 2
