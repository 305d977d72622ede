"""PD's HTTP API in aiohttp: a question to the member, and what it answers carried out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web

from ..pd.api import Answer, Forward, Http, Survey
from .callers import PATH, Callers
from .driver import Driver

FOLLOWER = "PD-Allow-follower-handle"
FORWARDED = "PD-Redirector"

PING_SECONDS = 3.0
ANSWER_SECONDS = 10.0


class PdHttp:
    def __init__(self, driver: Driver, session: aiohttp.ClientSession, callers: Callers, name: str) -> None:
        self._driver = driver
        self._session = session
        self._name = name
        self.app = web.Application(client_max_size=2**24)
        self.app.router.add_get(PATH, callers.answer)
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        query: dict[str, tuple[str, ...]] = {}
        for name, value in request.query.items():
            query[name] = (*query.get(name, ()), value)
        question = Http(
            method=request.method,
            path=request.path,
            query=query,
            body=_parsed(await request.read()),
            follower=FOLLOWER in request.headers,
            forwarded=FORWARDED in request.headers,
        )
        try:
            answer = await asyncio.wait_for(self._driver.ask(question), ANSWER_SECONDS)
        except TimeoutError:
            return web.Response(status=500, text="context deadline exceeded\n")
        if isinstance(answer, Forward):
            return await self._forward(answer.address, request)
        if isinstance(answer, Survey):
            answer = Answer(200, [{**about, "health": await self._pings(about)} for about in answer.members])
        if answer.text is not None:
            return web.Response(status=answer.status, text=answer.text)
        return web.json_response(answer.body, status=answer.status)

    async def _forward(self, leader: str, request: web.Request) -> web.Response:
        url = f"http://{leader}{request.path_qs}"
        try:
            async with self._session.request(
                request.method,
                url,
                data=await request.read(),
                headers={FORWARDED: self._name},
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            ) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        except (TimeoutError, OSError, aiohttp.ClientError):
            return web.Response(status=500, text="[PD:apiutil:ErrRedirect]redirect failed\n")

    async def _pings(self, member: Any) -> bool:
        """One member after another, as PD does: a silent one costs three seconds."""
        url = f"{member['client_urls'][0]}/pd/api/v1/ping"
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=PING_SECONDS)) as answer:
                return answer.status == 200
        except (TimeoutError, OSError, aiohttp.ClientError):
            return False


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
