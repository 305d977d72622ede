"""The tape under an httpx client, so that the code which really sends requests can be held against a recording."""

from __future__ import annotations

import asyncio
from math import inf

import httpx

from tests.support.tape.asking import Clock, Sleep, Unanswered, ask
from tests.support.tape.player import Tape
from tests.support.tape.presence import Silence


def transport(tape: Tape, clock: Clock, sleep: Sleep = asyncio.sleep) -> httpx.MockTransport:
    """For `httpx.AsyncClient(transport=...)`. A request's host is a pod IP, or a name that begins with the pod's.

    Refused is a ConnectError; a member that hangs is a ReadTimeout after the request's read timeout, if it has one.
    """

    async def handle(request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            raise NotImplementedError(f"a tape can only be read: {request.method} {request.url}")
        limit = request.extensions.get("timeout", {}).get("read") or inf
        path = request.url.raw_path.decode()
        try:
            reply = await ask(tape, clock, sleep, request.url.host, request.url.port or 80, path, limit)
        except Unanswered as error:
            failure = httpx.ConnectError if error.silence is Silence.REFUSES else httpx.ReadTimeout
            raise failure(str(error), request=request) from error
        return httpx.Response(reply.status, **({"json": reply.body} if reply.body is not None else {}))

    return httpx.MockTransport(handle)
