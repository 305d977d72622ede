"""What stands before the API: a token, a campaign's budget, a limit to a body's size and to its time.

In this order, and before a body is read: whoever has no token costs nothing. The API gets
bodies that are there already. What is refused for good is noted: an attempt must not look as if it were all there was.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.agents.intake.budget import MEBIBYTE, Budgets, Kind, OverBudget
from controller.meter import UNMETERED, Meter
from controller.records.inbox import RejectedWrites

MAX_BYTES = MEBIBYTE
BODY_SECONDS = 10.0
"""How long a body may take to come in: whoever dawdles keeps others out."""

MAX_UNWANTED = 8
"""Bodies of one campaign that are read to their end although they are refused."""

PROTECTED = "/v1/"
LOG, TICKETS = "/v1/log", "/v1/tickets/"

FOR_GOOD = frozenset({409, 413, 422, 429, 507})
"""Answers after which what was sent may never come again."""


class _Refusal(Exception):
    def __init__(self, status: int, why: str, retry_after: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.retry_after = retry_after


class Gate:
    """ASGI middleware. `campaign_of` knows tokens; the campaign's uid goes into the request's state."""

    def __init__(
        self,
        app: ASGIApp,
        campaign_of: Callable[[str], str | None],
        rejected: RejectedWrites,
        meter: Meter = UNMETERED,
    ) -> None:
        self._app = app
        self._campaign_of = campaign_of
        self._rejected = rejected
        self._meter = meter
        self._budgets = Budgets(time.monotonic)
        self._unwanted: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].startswith(PROTECTED):
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        campaign = self._campaign_of(_bearer(headers.get("authorization", "")))
        if campaign is None:
            self._meter.agent_answered(401)
            no = _Refusal(401, "a bearer token is needed, and this is none that sends here")
            return await _refuse(send, no)
        scope.setdefault("state", {})["campaign"] = campaign
        send = self._noting(campaign, scope["path"], send)
        try:
            await self._answer(scope, receive, send, campaign, _most(headers))
        except _Refusal as no:
            await _refuse(send, no)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, campaign: str, most: int) -> None:
        """Within the campaign's budget. `most` is how many bytes the body may have by what its header says."""
        if most > MAX_BYTES:
            raise _too_large()
        kind = Kind.LOG if scope["path"].startswith(LOG) else Kind.TICKETS
        try:
            self._budgets.enter(campaign, kind, most)
        except OverBudget as over:
            await self._let_finish(receive, campaign)
            raise _Refusal(429 if over.rate else 503, str(over), over.wait) from None
        body: bytes | None = None
        try:
            if (body := await _body(receive)) is not None:
                await self._app(scope, _replaying(body, receive), send)
        finally:
            # Who breaks off in the middle has used up what was set aside for it.
            self._budgets.leave(campaign, kind, most, most if body is None else len(body))

    async def _let_finish(self, receive: Receive, campaign: str) -> None:
        """Read the rest of a body and keep nothing of it: who is cut off while it sends does not see the answer.

        Not of more than a few at once: who sends slowly would hold their connections.
        """
        if self._unwanted[campaign] >= MAX_UNWANTED:
            return
        self._unwanted[campaign] += 1
        try:
            await _body(receive, keep=False)
        except _Refusal:
            pass
        finally:
            self._unwanted[campaign] -= 1
            if not self._unwanted[campaign]:
                del self._unwanted[campaign]

    def _noting(self, campaign: str, path: str, send: Send) -> Send:
        """Note what is answered."""

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                self._meter.agent_answered(status)
                if status in FOR_GOOD and not path.startswith(TICKETS):
                    self._rejected.count_log(campaign)
            await send(message)

        return noting


async def _body(receive: Receive, keep: bool = True) -> bytes | None:
    """All of it, in time; None where the client hung up. Nothing of it is kept unless it is to be."""
    body, length = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                length += len(message.get("body", b""))
                if keep:
                    body += message.get("body", b"")
                if length > MAX_BYTES:
                    raise _too_large()
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise _Refusal(408, f"the body was not there within {BODY_SECONDS:g} seconds") from None


def _replaying(body: bytes, receive: Receive) -> Receive:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


def _too_large() -> _Refusal:
    return _Refusal(413, f"at most {MAX_BYTES} bytes a request")


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _most(headers: dict[str, str]) -> int:
    """How many bytes the body may have: what is stated, or as many as a body may have at all."""
    stated = headers.get("content-length", "")
    if stated.isdecimal():
        return int(stated)
    return MAX_BYTES if "transfer-encoding" in headers else 0


async def _refuse(send: Send, no: _Refusal) -> None:
    body = json.dumps({"error": str(no)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if no.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if no.retry_after is not None:
        headers.append((b"retry-after", str(no.retry_after).encode()))
    # Whoever sends more than we take is not listened to any longer.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": no.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
