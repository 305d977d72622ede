"""Whoever opens connections and says nothing, or little, or takes no answer, keeps nobody else out."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from controller.connections import RESERVED_DESCRIPTORS, Limits, affordable
from controller.serving import serving
from tests.support.intakes import HONEST, TICKET, served
from tests.support.waiting import eventually

SHORT = Limits(header_seconds=0.3, request_seconds=1)


@asynccontextmanager
async def connected(port: int, how_many: int, say: bytes = b"", address: str = "127.0.0.1") -> AsyncIterator[None]:
    """So many connections that say this and then nothing."""
    loop = asyncio.get_running_loop()
    with ExitStack() as ends:
        for _ in range(how_many):
            end = ends.enter_context(socket.socket())
            end.setblocking(False)
            end.bind((address, 0))
            await loop.sock_connect(end, ("127.0.0.1", port))
            with suppress(ConnectionError):  # it may have lost its place by now
                await loop.sock_sendall(end, say)
        yield


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"], ids=["from where the agent is", "from elsewhere"])
@pytest.mark.parametrize("say", [b"", b"PUT /v1/tickets/t HTTP/1.1\r\nHost: x\r\n"], ids=["silent", "half a header"])
async def test_300_idle_connections_shut_no_agent_out(tmp_path: Path, address: str, say: bytes) -> None:
    async with served(tmp_path) as intake, connected(intake.port, 300, say, address), intake.client(HONEST) as agent:
        assert (await agent.put("/v1/tickets/t", json=TICKET)).status_code == 204


async def test_bodies_that_never_come_shut_no_other_campaign_out(tmp_path: Path) -> None:
    head = (
        b"PUT /v1/tickets/t HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token of uid-hostile\r\n"
        b"Content-Length: 1000000\r\n\r\n{"
    )
    async with (
        served(tmp_path) as intake,
        connected(intake.port, 120, head),
        intake.client(HONEST) as agent,
    ):
        assert (await agent.put("/v1/tickets/t", json=TICKET)).status_code == 204


async def test_1100_connections_leave_descriptors_and_the_records_can_be_opened_anew(tmp_path: Path) -> None:
    async with served(tmp_path) as intake:
        before = descriptors()
        async with connected(intake.port, 1100), intake.client(HONEST) as agent:
            ours = descriptors() - before - 1100  # the other ends are this process's too
            assert ours <= affordable(Limits().connections) + 20
            assert (await agent.put("/v1/tickets/t", json=TICKET)).status_code == 204


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nX: "])
async def test_a_header_that_does_not_come_is_not_waited_for(said: bytes) -> None:
    """However many bytes of it come, one after the other."""
    async with serving(Starlette(), "127.0.0.1", 0, SHORT) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        ended = asyncio.ensure_future(reader.read())
        while not ended.done():
            await asyncio.wait([ended], timeout=0.05)
            if said:
                writer.write(b"x")
        assert ended.exception() is not None or ended.result() == b""
        writer.close()


async def test_an_answer_that_is_never_taken_is_not_waited_for() -> None:
    async def large(_: object) -> Response:
        return Response(b"x" * (8 << 20))

    app = Starlette(routes=[Route("/", large)])
    async with serving(app, "127.0.0.1", 0, SHORT) as port:
        before = descriptors()
        with socket.create_connection(("127.0.0.1", port)) as takes_nothing:
            takes_nothing.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
            await eventually(lambda: descriptors() >= before + 2, "it was never connected")
            await eventually(lambda: descriptors() < before + 2, "it is connected still")


async def test_a_body_in_crumbs_is_refused_and_one_in_pieces_taken(tmp_path: Path) -> None:
    async with served(tmp_path) as intake, intake.client(HONEST) as agent:

        async def pieces(size: int, how_many: int) -> AsyncIterator[bytes]:
            yield b'{"message": "'
            for _ in range(how_many):
                yield b"x" * size
            yield b'"}'

        assert (await agent.put("/v1/tickets/a", content=pieces(100, 600))).status_code == 204
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        writer.write(
            b"PUT /v1/tickets/t HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token of uid-honest\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000
        )
        assert b"400" in await reader.readline()
        writer.close()


async def test_two_addresses_that_take_all_they_can_leave_a_third_its_place(tmp_path: Path) -> None:
    limits = Limits(connections=40, of_one_address=30)
    async with (
        served(tmp_path, limits) as intake,
        connected(intake.port, 60, address="127.0.0.2"),
        connected(intake.port, 60, address="127.0.0.3"),
    ):
        for number in range(3):
            async with intake.client(HONEST) as agent:
                assert (await agent.put(f"/v1/tickets/{number}", json=TICKET)).status_code == 204


def test_what_a_listener_may_have_leaves_the_reserve() -> None:
    assert affordable(256, descriptors=20_000) == 256
    for few in (1024, 2048):
        assert 4 * affordable(256, descriptors=few) + RESERVED_DESCRIPTORS < few
    assert affordable(256, descriptors=64) > 0


async def test_what_is_served_beside_the_intake_is_bounded_alike() -> None:
    """Each listener of the pod goes through `serving`."""
    app = Starlette(routes=[Route("/", lambda _: Response("x"))])
    async with serving(app, "127.0.0.1", 0) as port, connected(port, 300), httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "x"
