"""Asking members from outside the cluster: the API server's pod proxy in between must not make them more powerful."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp.web
import pytest

from controller.kube import KubeCluster
from subjects.cluster import Answer, MemberRequest, MemberUnreachable, Pod, Tls
from tests.unit.kube.server import PODS, PodServer, serving

MEMBER = Pod("pd-0", "uid", ready=True, deleting=False, ip=None, images={})


@pytest.fixture
async def server() -> PodServer:
    return PodServer()


@pytest.fixture
async def cluster(server: PodServer) -> AsyncIterator[Any]:
    async with serving(server) as api:
        yield KubeCluster(api)


async def ask(cluster: KubeCluster, path: str = "/health", timeout: float = 5.0, **more: Any) -> Answer:
    return await cluster.ask_member(MemberRequest("s", MEMBER, 2379, path, timeout, **more))


async def test_a_question_goes_to_the_pods_port_through_its_proxy(server: PodServer, cluster: KubeCluster) -> None:
    server.answer = (200, {"health": "true"})
    assert await ask(cluster) == Answer(200, {"health": "true"})
    await ask(cluster, "/v3/kv/put", body={"key": "k"})
    assert [(each.method, each.path, each.body) for each in server.heard] == [
        ("GET", f"{PODS}/pd-0:2379/proxy/health", None),
        ("POST", f"{PODS}/pd-0:2379/proxy/v3/kv/put", {"key": "k"}),
    ]


async def test_a_query_reaches_the_member(server: PodServer, cluster: KubeCluster) -> None:
    server.answer = (200, {})
    await ask(cluster, "/pd/api/v1/regions/key?limit=16&key=%00")
    (asked,) = server.heard
    assert asked.path == f"{PODS}/pd-0:2379/proxy/pd/api/v1/regions/key"
    assert asked.query == {"limit": "16", "key": "\0"}


@pytest.mark.parametrize("body", [[1, 2], {"value": 1}, "text", None])
async def test_an_answer_is_the_same_as_if_we_had_asked_directly(
    server: PodServer, cluster: KubeCluster, body: dict[str, int] | list[int] | str | None
) -> None:
    server.answer = (404, body)
    assert await ask(cluster) == Answer(404, body)


async def test_what_is_no_json_is_an_answer_without_a_body(server: PodServer, cluster: KubeCluster) -> None:
    server.raw = lambda: aiohttp.web.Response(text="ok")
    assert await ask(cluster) == Answer(200, None)


async def test_the_proxys_own_words_are_not_the_members(server: PodServer, cluster: KubeCluster) -> None:
    server.answer = (503, {"kind": "Status", "message": "dial tcp 10.0.0.7:2379: connect: connection refused"})
    with pytest.raises(MemberUnreachable, match=r"^pd-0: dial tcp .*connection refused$"):
        await ask(cluster)


async def test_a_redirect_into_the_api_is_not_followed(server: PodServer, cluster: KubeCluster) -> None:
    secrets = {"Location": "/api/v1/namespaces/kube-system/secrets"}
    server.raw = lambda: aiohttp.web.Response(status=302, headers=secrets)
    with pytest.raises(
        MemberUnreachable, match=r"^pd-0: the answer was a redirect, which is not followed \(HTTP 302\)"
    ):
        await ask(cluster)
    assert len(server.heard) == 1


async def test_a_path_that_climbs_out_of_the_proxy_is_not_asked(server: PodServer, cluster: KubeCluster) -> None:
    for path in ("/../../../secrets", "/a/%2e%2e/%2E%2E/b", "/a%2f..%2fb"):
        with pytest.raises(MemberUnreachable, match="nothing is asked at"):
            await ask(cluster, path)
    assert server.heard == []


async def test_a_cookie_of_a_member_is_not_kept(server: PodServer, cluster: KubeCluster) -> None:
    cookies = []
    server.raw = lambda: aiohttp.web.Response(headers={"Set-Cookie": "session=member"}, text="{}")
    server.on_request = lambda request: cookies.append(request.headers.get("Cookie"))
    await ask(cluster)
    await ask(cluster)
    assert cookies == [None, None]


async def test_a_long_answer_is_given_up(server: PodServer, cluster: KubeCluster) -> None:
    server.raw = lambda: aiohttp.web.Response(body=bytes((8 << 20) + 1))
    with pytest.raises(MemberUnreachable, match=r"^pd-0: answer longer than 8 MiB$"):
        await ask(cluster)


async def test_a_compressed_bomb_is_not_unpacked(server: PodServer, cluster: KubeCluster) -> None:
    bomb = gzip.compress(bytes(16 << 20))
    server.raw = lambda: aiohttp.web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(MemberUnreachable, match=r"^pd-0: the answer is encoded \(gzip\)"):
        await ask(cluster)


async def test_an_api_server_that_says_nothing_is_no_answer_of_a_member(
    server: PodServer, cluster: KubeCluster
) -> None:
    server.silent = True
    with pytest.raises(MemberUnreachable, match=r"^pd-0: no whole answer within 0\.1 s$"):
        await ask(cluster, timeout=0.1)


async def test_a_certificate_cannot_be_shown_through_the_proxy_and_the_text_says_what_to_do(
    server: PodServer, cluster: KubeCluster
) -> None:
    tls = Tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "pd-0.pd-peer")
    with pytest.raises(MemberUnreachable, match=r"^pd-0: .*for TLS run the controller in the cluster$"):
        await ask(cluster, tls=tls)
    assert server.heard == []
