"""What both programs do: flags and files first, then a node until a signal or until it cannot go on."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
from aiohttp import web

from .. import VERSION
from ..node import Fatal
from .driver import Driver
from .mux import Mux


def flags(program: str, names: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> argparse.ArgumentParser:
    """A parser that knows these flags and no others: an unknown one ends the process, as it does the real one."""
    parser = argparse.ArgumentParser(program, allow_abbrev=False, description=f"A stand-in for {program}.")
    for name in names:
        parser.add_argument(f"--{name}", *aliases.get(name, ()), dest=name.replace("-", "_"), default="")
    parser.add_argument("--version", "-V", action="version", version=f"{program} {VERSION}")
    return parser


def read_toml(path: str) -> dict[str, Any]:
    return tomllib.loads(Path(path).read_text()) if path else {}


def bare(url: str) -> str:
    """host:port, of a URL or of just that."""
    return url.split("://", 1)[-1].rstrip("/")


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(program: str, main: Callable[[AsyncExitStack], Awaitable[str | None]]) -> None:
    """`main` returns why it cannot go on, or None when it was told to end; everything it entered is left then."""
    log(f"This is {program} {VERSION}: a stand-in that behaves like {program} and is no database.")

    async def work() -> str | None:
        async with AsyncExitStack() as stack:
            return await main(stack)

    try:
        reason = asyncio.run(work())
    except Fatal as fatal:
        reason = str(fatal)
    if reason is not None:
        log(f"[FATAL] {reason}")
        sys.exit(1)


async def told_to_end(driver: Driver) -> str | None:
    """Wait for SIGTERM or SIGINT, None, or for the node's own reason to end."""
    loop, ended = asyncio.get_running_loop(), driver.ended
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: None if ended.done() else ended.set_result(None))
    return await ended


async def listen(stack: AsyncExitStack, address: str, app: web.Application, rpc: grpc.GenericRpcHandler | None) -> None:
    """HTTP at host:port and, where there is a handler, gRPC at the same port. Closed with the stack."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    host, _, port = address.rpartition(":")
    factory: Callable[[], asyncio.BaseProtocol] = runner.server
    if rpc is not None:
        socket = f"unix:{stack.enter_context(tempfile.TemporaryDirectory(prefix='standin-'))}/grpc"
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((rpc,))
        server.add_insecure_port(socket)
        await server.start()
        stack.push_async_callback(server.stop, None)
        http = runner.server

        def factory() -> asyncio.BaseProtocol:
            return Mux(http, socket.removeprefix("unix:"))

    listening = await asyncio.get_running_loop().create_server(factory, host, int(port))
    stack.callback(listening.close)
