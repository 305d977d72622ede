"""Lines to other members: a web socket each, made when there is mail, made again when it breaks.

As TiKV's raft client does it, mail for an address that cannot be reached waits for a few seconds, and a broken line is
dialled again at once and then every second, with what `Names` knows of the name.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from .callers import KEEPALIVE_SECONDS, PATH, SENDER, Receive, frame, frames
from .resolver import PatientResolver

HELD_SECONDS = 5.0
REDIAL_SECONDS = 1.0
CONNECT_SECONDS = 1.0

HANDSHAKE_SECONDS = 20.0
"""One that was frozen takes the connection and says nothing; dialled before, it is reached as soon as it thaws."""

FORGET_SECONDS = 60.0
"""A line is not dialled again when nobody had mail for it for so long."""


class Lines:
    """All lines of a process. `patient`: names are kept as gRPC keeps them."""

    def __init__(
        self,
        address: str,
        receive: Receive,
        broken: Callable[[str], None],
        patient: bool,
        keepalive: float = KEEPALIVE_SECONDS,
    ) -> None:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=PatientResolver() if patient else None, use_dns_cache=False),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            headers={SENDER: address},
        )
        self._receive = receive
        self._broken = broken
        self._keepalive = keepalive
        self._held: dict[str, list[tuple[float, dict[str, Any]]]] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def post(self, address: str, messages: list[dict[str, Any]]) -> None:
        now = time.monotonic()
        held = [kept for kept in self._held.get(address, ()) if now - kept[0] < HELD_SECONDS]
        self._held[address] = held + [(now, message) for message in messages]
        self._wake.setdefault(address, asyncio.Event()).set()
        if address not in self._tasks:
            self._tasks[address] = asyncio.create_task(self._keep(address))

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.session.close()

    async def _keep(self, address: str) -> None:
        wanted, pause = time.monotonic(), 0.0
        try:
            while time.monotonic() - wanted < FORGET_SECONDS:
                await asyncio.sleep(pause)
                if self._held.get(address):
                    wanted = time.monotonic()
                was_up = await self._talk(address)
                wanted, pause = (time.monotonic(), 0.0) if was_up else (wanted, REDIAL_SECONDS)
                self._broken(address)
        finally:
            del self._tasks[address]  # the next mail begins anew

    async def _talk(self, address: str) -> bool:
        """Until the line breaks. False where there was none."""
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                line = await self.session.ws_connect(
                    f"http://{address}{PATH}", heartbeat=self._keepalive, max_msg_size=0
                )
        except (TimeoutError, OSError, aiohttp.ClientError):
            return False
        sending = asyncio.create_task(self._send(address, line))
        try:
            async for messages in frames(line):
                self._receive(address, messages)
        except (OSError, aiohttp.ClientError):
            pass
        finally:
            sending.cancel()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(line.close(), 0.1)
        return True

    async def _send(self, address: str, line: aiohttp.ClientWebSocketResponse) -> None:
        wake = self._wake[address]
        while not line.closed:
            await wake.wait()
            wake.clear()
            held, self._held[address] = self._held[address], []
            fresh = [message for at, message in held if time.monotonic() - at < HELD_SECONDS]
            if fresh:
                try:
                    await line.send_str(frame(fresh))
                except (OSError, aiohttp.ClientError):
                    return
