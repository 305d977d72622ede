"""The other ends of lines: web sockets that other members made to this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from aiohttp import web

KEEPALIVE_SECONDS = 10.0
"""Without a word the other end is asked for one; silent for half as long again, the line is taken for broken."""

PATH = "/standin/line"
SENDER = "Standin-Sender"

Receive = Callable[[str, list[dict[str, Any]]], None]


def frame(messages: list[dict[str, Any]]) -> str:
    return json.dumps(messages, separators=(",", ":"))


async def frames(line: web.WebSocketResponse | aiohttp.ClientWebSocketResponse) -> AsyncIterator[list[dict[str, Any]]]:
    """What comes in, until the line breaks: a keep-alive that was not answered comes in as an error."""
    async for received in line:
        if received.type is not aiohttp.WSMsgType.TEXT:
            return
        yield json.loads(received.data)


class Callers:
    """Who called is reached over its own line only."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._lines: dict[str, asyncio.Queue[str]] = {}

    def knows(self, address: str) -> bool:
        return address in self._lines

    def post(self, address: str, messages: list[dict[str, Any]]) -> None:
        if (line := self._lines.get(address)) is not None:
            line.put_nowait(frame(messages))

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        """The handler of PATH."""
        sender = request.headers[SENDER]
        line = web.WebSocketResponse(heartbeat=KEEPALIVE_SECONDS, max_msg_size=0)
        await line.prepare(request)
        queue = self._lines[sender] = asyncio.Queue()
        sending = asyncio.create_task(self._send(line, queue))
        try:
            async for messages in frames(line):
                self._receive(sender, messages)
        finally:
            sending.cancel()
            if self._lines.get(sender) is queue:
                del self._lines[sender]
        return line

    @staticmethod
    async def _send(line: web.WebSocketResponse, queue: asyncio.Queue[str]) -> None:
        with contextlib.suppress(OSError, aiohttp.ClientError):
            while True:
                await line.send_str(await queue.get())
