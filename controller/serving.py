"""Serves HTTP inside the controller's own event loop, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from controller.connections import BACKLOG, ConnectionLimiter, Limits

log = logging.getLogger(__name__)

ANY_ADDRESS = "::"
"""Every address of the machine or pod, IPv4 and IPv6."""

ANYWHERE = (ANY_ADDRESS, "0.0.0.0")

SHUTDOWN_SECONDS = 2
"""How long a request that is being answered may delay the shutdown."""

KEEP_ALIVE_SECONDS = 5
"""Seconds between an answer and the first byte of the next request."""


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int, limits: Limits | None = None) -> AsyncGenerator[int]:
    """Serves at `host` and yields the port; `port` 0 takes a free one. Raises OSError where it is not available.

    `limits` are those of the listener's connections (controller.connections).
    """
    listening = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=ConnectionLimiter(limits or Limits()).make,  # type: ignore[arg-type]  # it asks for a class, and calls it
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await running
        listening.close()


@asynccontextmanager
async def serving_if_possible(app: ASGIApp, host: str, port: int, what: str) -> AsyncGenerator[int | None]:
    """Serves as `serving` does, for something that campaigns can do without.

    Yields None where nothing is served: for port 0, and where the port is taken. The latter logs a warning that `what`
    cannot be read.
    """
    async with AsyncExitStack() as stack:
        served = None
        if port:
            try:
                served = await stack.enter_async_context(serving(app, host, port))
            except OSError as error:
                why = "somebody else has it" if error.errno == errno.EADDRINUSE else str(error)
                log.warning("%s cannot be read over HTTP: port %s cannot be had (%s)", what, port, why)
        yield served


class _Server(uvicorn.Server):
    """Leaves signals to the controller; uvicorn would handle them itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    """Binds the socket here, because uvicorn ends the process where it cannot. Any address means both families."""
    if host in ANYWHERE and socket.has_dualstack_ipv6():
        host, family, both = ANY_ADDRESS, socket.AF_INET6, True
    else:  # a kernel may have no IPv6
        host = "0.0.0.0" if host in ANYWHERE else host
        family, both = (socket.AF_INET6 if ":" in host else socket.AF_INET), False
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        listening.bind((host, port))
        listening.listen(BACKLOG)  # clients that connect before uvicorn is up wait, and are not refused
    except OSError:
        listening.close()
        raise
    return listening
