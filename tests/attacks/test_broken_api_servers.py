"""API servers that break, and what poses as one: an answer is read or refused in a sentence; few requests are sent."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import aclosing
from typing import Any

import aiohttp.web
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed
from controller.connection import Connection, NoCluster
from controller.kube import KubeCampaigns, KubeCluster, wait_for_crd
from controller.kube.pods import watch_pods
from subjects.cluster import ClusterError, ClusterFailing, ClusterUnreachable
from tests.unit.kube.server import END, PODS, PodServer, pod, serving

SANE = (ClusterError, ClusterUnreachable)

FIELDS = """
items metadata spec status name uid data containers template image conditions containerStatuses type labels resources
volumeClaimTemplates resourceVersion replicas
"""
field = st.sampled_from(FIELDS.split())
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(field, each, max_size=5)),
    max_leaves=12,
)
statuses = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 410, 418, 422, 429, 500, 502, 503])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(statuses, st.one_of(anything.map(lambda each: json.dumps(each).encode()), st.binary(max_size=40)))
def test_whatever_an_answer_is_a_subject_gets_something_or_one_of_two_errors(status: Any, body: Any) -> None:
    async def ask() -> None:
        server = PodServer()
        server.raw = lambda: aiohttp.web.Response(status=status, body=body, content_type="application/json")
        async with serving(server) as api:
            cluster, campaigns = KubeCluster(api), KubeCampaigns(api)
            for question in (
                cluster.list_pods("s", ""),
                cluster.get_workload("s", "w"),
                cluster.list_workloads("s", ""),
                cluster.list_claims("s", ""),
                cluster.read_secret("s", "x"),
                cluster.scale_workload("s", "w", 1),
                campaigns.read_namespace("s"),
                campaigns.list_uids(),
            ):
                try:
                    await question
                except SANE as error:
                    assert str(error)

    asyncio.run(ask())


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 401])
async def test_a_server_that_answers_and_does_not_serve_is_told_from_one_that_is_away(status: Any) -> None:
    server = PodServer()
    server.answer = (status, {"message": "failed calling webhook"})
    async with serving(server) as api:
        with pytest.raises(ClusterFailing, match="failed calling webhook"):
            await api.request("PATCH", PODS, body={})
        server.answer, server.silent = None, True
        with pytest.raises(ClusterUnreachable) as away:
            await api.request("PATCH", PODS, body={}, timeout=0.05)
        assert not isinstance(away.value, ClusterFailing)


@pytest.mark.parametrize(
    "ends", [{"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}, END, b'{"type": "AD']
)
async def test_watches_that_end_at_once_cost_few_lists(ends: Any) -> None:
    server = PodServer()
    server.pods = [pod("a")]
    for _ in range(1000):
        server.feed.put_nowait(ends)
        if isinstance(ends, bytes):
            server.feed.put_nowait(END)
    async with serving(server) as api, aclosing(watch_pods(api, PODS, "")) as views:
        gaps = 0
        while gaps < 5:
            gaps += (await anext(views)).pods is None
    assert len(server.lists) <= 8


@pytest.mark.parametrize("status", [401, 403, 418])
async def test_at_the_start_one_that_does_not_know_us_is_named_and_nobody_waits(status: Any) -> None:
    server = PodServer()
    server.answer = (status, {"message": "no\nnever"})
    async with serving(server) as api:
        with pytest.raises(NoCluster, match=f"HTTP {status}"):
            await wait_for_crd(api)
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"<html>", b"[" * 50_000, b"\xff", b"{}", b"[]", b"null"],
    ids=repr,
)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_command_line_says_a_sentence(body: Any, status: Any) -> None:
    answers = {200: None, 401: "does not know you", 500: "cannot serve"}
    with said(status, body) as url:
        api = Api(Connection(url, "a test"))
        try:
            api.get("/version")
        except CommandFailed as failed:
            assert answers[status] is None or answers[status] in str(failed)
        try:
            assert list(api.watch(PODS, {}, 5.0)) == []
        except CommandFailed as failed:
            assert str(failed)


class said:
    """A server that says this to everybody."""

    def __init__(self, status: int, body: bytes) -> None:
        self._server = PodServer()
        self._server.raw = lambda: aiohttp.web.Response(status=status, body=body)
        self._up, self._stop = threading.Event(), threading.Event()
        self._url = ""

    def __enter__(self) -> str:
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        assert self._up.wait(120)
        return self._url

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _serve(self) -> None:
        async with serving(self._server) as api:
            self._url = api.connection.server
            self._up.set()
            await asyncio.to_thread(self._stop.wait)
