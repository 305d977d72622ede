"""A small API server that serves pods: a list, a watch that the test feeds, and misfortunes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp.web
from aiohttp.test_utils import TestServer

from controller.connection import Connection
from controller.kube import KubeApi
from controller.meter import UNMETERED, Meter

Json = Any

PODS = "/api/v1/namespaces/s/pods"

END, HANG_UP = object(), object()
"""What a test may feed beside events: the server closes the watch, or breaks it off."""


def pod(name: str, uid: str = "u", ready: bool = True) -> Json:
    """A pod as the API has it."""
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name, "uid": uid}, "spec": {"containers": []}, "status": {"conditions": conditions}}


@dataclass(frozen=True)
class Heard:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Json
    content_type: str


class PodServer:
    """`pods` is what lists say; `feed` is what the watch says, and to whom it said it is in `watched`.

    `answer`, a status and JSON, or `raw`, a whole response, is said to everything instead. `heard` is all that was
    asked.
    """

    def __init__(self) -> None:
        self.pods: list[Json] = []
        self.feed: asyncio.Queue[Any] = asyncio.Queue()
        self.answer: tuple[int, Json] | None = None
        self.raw: Callable[[], aiohttp.web.Response] | None = None
        self.heard: list[Heard] = []
        self.on_request: Callable[[aiohttp.web.Request], None] = lambda request: None
        self.silent = False
        self.lists: list[dict[str, str]] = []
        self.watched: list[dict[str, str]] = []

    async def handle(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        """Every request comes here."""
        self.on_request(request)
        query = dict(request.query)
        said = await request.text()
        body = json.loads(said) if said else None
        self.heard.append(Heard(request.method, request.raw_path.partition("?")[0], query, body, request.content_type))
        if self.silent:
            await asyncio.Event().wait()
        if self.raw is not None:
            return self.raw()
        if self.answer is not None:
            return aiohttp.web.json_response(self.answer[1], status=self.answer[0])
        if "watch" in query:
            self.watched.append(query)
            return await self._watch(request)
        self.lists.append(query)
        return aiohttp.web.json_response({"items": self.pods, "metadata": {"resourceVersion": "7"}})

    async def _watch(self, request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse()
        await response.prepare(request)
        while (said := await self.feed.get()) is not END:
            if said is HANG_UP:
                assert request.transport is not None
                request.transport.abort()
                break
            await response.write(said if isinstance(said, bytes) else json.dumps(said).encode() + b"\n")
            if isinstance(said, dict) and said.get("type") == "ERROR":
                break  # as API servers do
        return response

    def tell(self, type_: str, object_: Json) -> None:
        """Have the watch say this."""
        self.feed.put_nowait({"type": type_, "object": object_})


@asynccontextmanager
async def serving(pods: PodServer, meter: Meter = UNMETERED, **more: str) -> AsyncIterator[KubeApi]:
    """A connection to it."""
    app = aiohttp.web.Application()
    app.router.add_route("*", "/{path:.*}", pods.handle)
    async with TestServer(app, handler_cancellation=True) as server:
        host = str(server.make_url("")).rstrip("/")
        api = KubeApi(Connection(host, "a test"), meter, **more)
        try:
            yield api
        finally:
            await api.close()
