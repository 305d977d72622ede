"""Lines between processes, over real sockets of this machine: what breaks them, and how they come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from standin.shell import lines as lines_module
from standin.shell.callers import PATH, Callers
from standin.shell.lines import Lines


class Ear:
    """Hears what comes in, and that a line broke."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, list[Any]]] = asyncio.Queue()
        self.broken: asyncio.Queue[str] = asyncio.Queue()

    def receive(self, sender: str, messages: list[Any]) -> None:
        self.heard.put_nowait((sender, messages))

    async def next(self) -> tuple[str, list[Any]]:
        return await asyncio.wait_for(self.heard.get(), 5)

    async def next_broken(self) -> str:
        return await asyncio.wait_for(self.broken.get(), 5)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "REDIAL_SECONDS", 0.05)


@asynccontextmanager
async def listening(answer: Callable[[web.Request], Any], port: int = 0) -> AsyncIterator[int]:
    """A process that others may call; yields the port."""
    app = web.Application()
    app.router.add_get(PATH, answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def calling(ear: Ear, keepalive: float = 10.0) -> AsyncIterator[Lines]:
    lines = Lines("me:1", ear.receive, ear.broken.put_nowait, patient=True, keepalive=keepalive)
    try:
        yield lines
    finally:
        await lines.close()


async def test_mail_arrives_in_order_and_names_its_sender(ear: Ear) -> None:
    async with listening(Callers(ear.receive).answer) as port, calling(ear) as lines:
        lines.post(f"127.0.0.1:{port}", [{"n": 1}, {"n": 2}])
        assert await ear.next() == ("me:1", [{"n": 1}, {"n": 2}])
        lines.post(f"127.0.0.1:{port}", [{"n": 3}])
        assert await ear.next() == ("me:1", [{"n": 3}])


async def test_who_called_is_answered_over_the_same_line(ear: Ear) -> None:
    theirs = Ear()
    callers = Callers(theirs.receive)
    async with listening(callers.answer) as port, calling(ear) as lines:
        callers.post("me:1", [{"lost": "nobody called yet"}])
        lines.post(f"127.0.0.1:{port}", [{"n": 1}])
        await theirs.next()
        callers.post("me:1", [{"n": 2}])
        assert await ear.next() == (f"127.0.0.1:{port}", [{"n": 2}])


async def test_mail_waits_for_one_that_is_not_there_yet(ear: Ear) -> None:
    theirs = Ear()
    async with listening(Callers(theirs.receive).answer) as port:
        pass
    async with calling(ear) as lines:
        lines.post(f"127.0.0.1:{port}", [{"n": 1}])
        assert await ear.next_broken() == f"127.0.0.1:{port}"
        async with listening(Callers(theirs.receive).answer, port):
            assert await theirs.next() == ("me:1", [{"n": 1}])
            await lines.close()


async def test_a_line_that_broke_is_made_again_without_new_mail(ear: Ear) -> None:
    made: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()

    async def answer(request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        made.put_nowait(line)
        async for _ in line:
            pass
        return line

    async with listening(answer) as port, calling(ear) as lines:
        lines.post(f"127.0.0.1:{port}", [{"n": 1}])
        await (await asyncio.wait_for(made.get(), 5)).close()
        assert await ear.next_broken() == f"127.0.0.1:{port}"
        await asyncio.wait_for(made.get(), 5)


async def test_a_line_to_one_that_was_frozen_is_given_up_and_made_again(ear: Ear) -> None:
    dialled: asyncio.Queue[None] = asyncio.Queue()

    async def answer(request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse(autoping=False)
        await line.prepare(request)
        dialled.put_nowait(None)
        await asyncio.sleep(30)  # does not read, and so does not answer a keep-alive
        return line

    async with listening(answer) as port, calling(ear, keepalive=0.1) as lines:
        lines.post(f"127.0.0.1:{port}", [{"n": 1}])
        await asyncio.wait_for(dialled.get(), 5)
        assert await ear.next_broken() == f"127.0.0.1:{port}"
        await asyncio.wait_for(dialled.get(), 5)
