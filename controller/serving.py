"""Serving HTTP inside the controller's own event loop, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

log = logging.getLogger(__name__)


class _Quiet(uvicorn.Server):
    """Signals are the controller's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncIterator[int]:
    """Serve at `host`; `port` 0 takes a free one. Yields the port. OSError where it cannot be had."""
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, lifespan="off", server_header=False,
        timeout_keep_alive=5, timeout_graceful_shutdown=2, limit_concurrency=64,
    )  # fmt: skip
    server = _Quiet(config)
    socket = config.bind_socket()
    running = asyncio.create_task(server.serve([socket]))
    try:
        while not server.started:
            if running.done():
                running.result()
                raise OSError(f"nothing is served at {host}:{port}")
            await asyncio.sleep(0.01)
        yield socket.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.gather(running, return_exceptions=True)
        socket.close()
