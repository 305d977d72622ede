"""The records over HTTP, read-only, for whoever may port-forward to the controller's pod.

It listens on 127.0.0.1 alone: who gets there was let through by the API server, by a right on `pods/portforward` in the
controller's namespace. So there is no password here, and no agent can read how it is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import uvicorn

from controller.reading.answers import application

log = logging.getLogger(__name__)

LOCALHOST = "127.0.0.1"

GOODBYE_SECONDS = 2
"""How long a request that is being answered may hold up the end."""


@asynccontextmanager
async def serving_records(url: str, port: int) -> AsyncGenerator[int | None]:
    """Answer questions about the records at `url` for as long as the block lasts; yields the port.

    Port 0 serves nothing, and None is yielded. So it is where the port is taken, with a warning in the log: a campaign
    goes on whether or not somebody can read of it meanwhile.
    """
    listening = _listen(port) if port else None
    if listening is None:
        yield None
        return
    config = uvicorn.Config(
        application(url),
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        listening.close()


class _Server(uvicorn.Server):
    """Signals are the controller's: uvicorn would take them for itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(port: int) -> socket.socket | None:
    """Bound by ourselves: uvicorn ends the process where it cannot."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOCALHOST, port))
        listening.listen()  # so that who comes before uvicorn is up waits, and is not refused
    except OSError as error:
        listening.close()
        why = "somebody else has it" if error.errno == errno.EADDRINUSE else str(error)
        log.warning("the records cannot be read over HTTP: port %s of %s cannot be had (%s)", port, LOCALHOST, why)
        return None
    return listening
