"""Asking members directly: what goes out, what comes back, and that no member can do more to us than not answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from httpx import MockTransport, ReadError, Response

from controller.kube import KubeCluster
from subjects.cluster import Answer, MemberRequest, MemberUnreachable, Pod
from tests.unit.kube.member import answered_by, in_cluster, listening, pod


async def ask(
    cluster: KubeCluster,
    of: Pod | None = None,
    port: int = 2379,
    path: str = "/health",
    timeout: float = 5.0,
    body: dict[str, str] | None = None,
) -> Answer:
    async with asyncio.timeout(60):
        return await cluster.ask_member(MemberRequest("s", of or pod(), port, path, timeout, body))


# What goes out, what comes back --------------------------------------------------------------------------------------


async def test_a_question_without_a_body_is_a_get_at_the_pods_address() -> None:
    heard = []

    def member(request: httpx.Request) -> Response:
        heard.append(request)
        return httpx.Response(200, json={"health": "true"})

    cluster = answered_by(member)
    assert await ask(cluster) == Answer(200, {"health": "true"})
    await ask(cluster, pod("fd00::7"), 20180, "/region/8?format=json")
    assert [(each.method, str(each.url)) for each in heard] == [
        ("GET", "http://127.0.0.1:2379/health"),
        ("GET", "http://[fd00::7]:20180/region/8?format=json"),
    ]
    assert heard[0].headers["Accept-Encoding"] == "identity" and heard[0].content == b""


async def test_a_question_with_a_body_is_a_post_even_where_the_body_is_empty() -> None:
    heard = []

    def member(request: httpx.Request) -> Response:
        heard.append((request.method, json.loads(request.content), request.headers["Content-Type"]))
        return httpx.Response(200, json=[])

    cluster = answered_by(member)
    await ask(cluster, body={"key": "k"})
    assert await ask(cluster, body={}) == Answer(200, [])
    assert heard == [("POST", {"key": "k"}, "application/json"), ("POST", {}, "application/json")]


@pytest.mark.parametrize("status", [204, 404, 500, 503])
async def test_every_status_is_an_answer(status: int) -> None:
    assert await ask(answered_by(lambda _: httpx.Response(status, text="no JSON"))) == Answer(status, None)


async def test_a_redirect_is_an_answer_and_nobody_goes_there() -> None:
    heard = []

    def member(request: httpx.Request) -> Response:
        heard.append(request.url.path)
        return httpx.Response(307, headers={"Location": "http://127.0.0.1:2379/elsewhere"})

    assert await ask(answered_by(member)) == Answer(307, None)
    assert heard == ["/health"]


async def test_a_member_leaves_nothing_with_us_for_the_next_question() -> None:
    cookies = []

    def member(request: httpx.Request) -> Response:
        cookies.append(request.headers.get("Cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "x=y"}, json={})

    cluster = answered_by(member)
    await ask(cluster)
    await ask(cluster)
    assert cookies == [None, None]


async def test_the_way_to_a_member_is_closed_after_every_question_however_it_ended() -> None:
    open_ways = set()

    class Way(httpx.MockTransport):
        async def __aenter__(self) -> MockTransport:  # type: ignore[override]
            open_ways.add(self)
            return self

        async def __aexit__(self, *_: Any) -> None:
            open_ways.remove(self)

    def member(request: httpx.Request) -> Response:
        assert len(open_ways) == 1
        if request.url.path == "/refused":
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={})

    cluster = in_cluster(connect=lambda context: Way(member))
    await ask(cluster)
    with pytest.raises(MemberUnreachable):
        await ask(cluster, path="/refused")
    assert not open_ways


@pytest.mark.parametrize(
    "path",
    [
        "health",
        "",
        "//host/health",
        "/../secrets",
        "/a/../../b",
        "/a/./b",
        "/a/%2e%2e/b",
        "/a%2Fb",
        "/a b",
        "/a\r\nX: y",
    ],
)
async def test_a_path_that_leads_elsewhere_is_not_asked(path: str) -> None:
    with pytest.raises(MemberUnreachable, match="pd-0: nothing is asked at"):
        await ask(answered_by(lambda _: pytest.fail("it was asked")), path=path)


@pytest.mark.parametrize("path", ["/pd/api/v1/regions/key?key=%00&limit=1", "/region/18446744073709551615", "/a/%00b"])
async def test_a_path_with_keys_and_ids_is_asked_as_it_stands(path: str) -> None:
    heard = []
    await ask(
        answered_by(lambda request: heard.append(request.url.raw_path.decode()) or httpx.Response(200)),  # type: ignore[func-returns-value]
        path=path,
    )
    assert heard == [path]


# Members that are broken or hostile ----------------------------------------------------------------------------------


async def test_a_pod_without_an_address_cannot_be_asked() -> None:
    with pytest.raises(MemberUnreachable, match=r"^pd-0: it has no address yet$"):
        await ask(in_cluster(), pod(None))


def broken_off() -> ReadError:
    """As httpx tells it: without a word, but with a cause that has some."""
    error = httpx.ReadError("")
    error.__cause__ = ConnectionResetError(104, "reset by peer")
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (httpx.ConnectError("All connection attempts failed"), "All connection attempts failed"),
        (httpx.ReadError(""), "ReadError"),
        (broken_off(), "reset by peer"),
        (httpx.RemoteProtocolError("illegal status line"), "illegal status line"),
        (ssl.SSLError(1, "certificate required"), "certificate required"),
        (ConnectionResetError(104, "reset by peer"), "reset by peer"),
        (ValueError("server_hostname cannot be an empty string"), "server_hostname cannot be an empty string"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_whatever_fails_on_the_way_says_which_member_and_how(error: Any, told: str) -> None:
    def member(request: httpx.Request) -> None:
        raise error

    with pytest.raises(MemberUnreachable, match=f"^pd-0: .*{told}"):
        await ask(answered_by(member))


async def test_an_endless_answer_is_given_up() -> None:
    async def endless() -> AsyncIterator[Any]:
        while True:
            yield bytes(1 << 20)

    with pytest.raises(MemberUnreachable, match=r"^pd-0: answer longer than 8 MiB$"):
        await ask(answered_by(lambda _: httpx.Response(200, content=endless())))


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(16 << 20))
    with pytest.raises(MemberUnreachable, match=r"^pd-0: the answer is encoded \(gzip\)"):
        await ask(answered_by(lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=bomb)))


HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def no_report(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip_a_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEADERS + b"Content-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.01)


async def drip_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEADERS)
    while True:
        writer.write(b"X: y\r\n")
        await asyncio.sleep(0.01)


async def promise_for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("talk", [no_report, drip_a_body, drip_headers, promise_for_ever])
async def test_a_member_that_takes_its_time_is_left_when_ours_is_over(talk: Callable[..., Any]) -> None:
    async with listening(talk) as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: no whole answer within 0\.2 s$"):
            await ask(in_cluster(), port=port, timeout=0.2)


def saying(words: bytes) -> Callable[..., Any]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await writer.drain()

    return talk


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        HEADERS + b"Content-Length: 10\r\n\r\n{}",
        HEADERS + b"Content-Length: ten\r\n\r\n{}",
        HEADERS + b"Transfer-Encoding: chunked\r\n\r\nfff",
        HEADERS + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "another protocol", "less than promised", "no length", "half a chunk", "a header without end"],
)
async def test_what_is_no_http_is_no_answer(words: bytes) -> None:
    async with listening(saying(words)) as port:
        with pytest.raises(MemberUnreachable, match=r"^pd-0: ."):
            await ask(in_cluster(), port=port)


async def test_a_real_answer_of_a_real_member_is_read() -> None:
    async with listening(saying(HEADERS + b'Content-Length: 10\r\n\r\n{"a": [1]}')) as port:
        assert await ask(in_cluster(), port=port) == Answer(200, {"a": [1]})


async def test_nobody_listening_is_no_answer() -> None:
    async with listening(no_report) as port:
        pass
    with pytest.raises(MemberUnreachable, match=r"^pd-0: .*connection"):
        await ask(in_cluster(), port=port)


async def test_whoever_stops_asking_is_not_held() -> None:
    async with listening(no_report) as port:
        asking = asyncio.create_task(ask(in_cluster(), port=port))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
