"""Members that a test makes up: as a function, or as a program that listens on this machine."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from controller.connection import Connection
from controller.kube import KubeApi, KubeCluster
from subjects.cluster import Pod

HERE = "127.0.0.1"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def pod(ip: str | None = HERE) -> Pod:
    """The pod of a member."""
    return Pod("pd-0", "uid", ready=True, deleting=False, ip=ip, images={})


def in_cluster(**more: Any) -> KubeCluster:
    """As if we ran inside a cluster, whose API server nobody asks."""
    return KubeCluster(KubeApi(Connection("http://127.0.0.1:9", "a test", in_cluster=True)), **more)


def answered_by(handler: Callable[[httpx.Request], httpx.Response]) -> KubeCluster:
    """With members that are this function."""
    return in_cluster(connect=lambda context: httpx.MockTransport(handler))


@asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A member that says to every connection what `talk` says. Yields its port."""
    talks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(accept, HERE, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        # asyncio leaks a connection that it takes in while its server closes. So take none, and let those that are in
        # begin to talk.
        asyncio.get_running_loop().remove_reader(server.sockets[0].fileno())
        for _ in range(10):
            await asyncio.sleep(0)
        server.close()
        for each in talks:
            each.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
