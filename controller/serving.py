"""Serving HTTP inside the controller's own event loop, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

GOODBYE_SECONDS = 2
"""How long a request that is being answered may hold up the end."""

MOST_CONNECTIONS = 256
"""At once; more are told to come again. The process needs its files for other things too."""


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncGenerator[int]:
    """Serve at `host`; `port` 0 takes a free one. Yields the port. OSError where it cannot be had."""
    listening = _listen(host, port)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await running
        listening.close()


class _Server(uvicorn.Server):
    """Signals are the controller's: uvicorn would take them for itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    """Bound by ourselves: uvicorn ends the process where it cannot."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # so that who comes before uvicorn is up waits, and is not refused
    except OSError:
        listening.close()
        raise
    return listening
