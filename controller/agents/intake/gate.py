"""What stands before the API: a token, a limit to a body's size and to its time, and one to how many come at once.

In this order, and before a body is read: whoever has no token costs nothing. The API gets
bodies that are there already.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1 << 20
MOST_AT_ONCE = 16
BODY_SECONDS = 10.0
"""How long a body may take to come in: whoever dawdles keeps others out."""

PROTECTED = "/v1/"


class _Refusal(Exception):
    def __init__(self, status: int, why: str, retry_after: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.retry_after = retry_after


class Gate:
    """ASGI middleware. `campaign_of` knows tokens; the campaign's uid goes into the request's state."""

    def __init__(self, app: ASGIApp, campaign_of: Callable[[str], str | None]) -> None:
        self._app = app
        self._campaign_of = campaign_of
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].startswith(PROTECTED):
            return await self._app(scope, receive, send)
        try:
            self._check(scope)
            self._inside += 1
            try:
                body = await _body(receive)
                if body is not None:
                    await self._app(scope, _replaying(body, receive), send)
            finally:
                self._inside -= 1
        except _Refusal as no:
            await _refuse(send, no)

    def _check(self, scope: Scope) -> None:
        """What can be said without the body."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        campaign = self._campaign_of(_bearer(headers.get("authorization", "")))
        if campaign is None:
            raise _Refusal(401, "a bearer token is needed; `evalcampaign token CAMPAIGN` prints it")
        if _length(headers) > MOST_BYTES:
            raise _too_large()
        if self._inside >= MOST_AT_ONCE:
            raise _Refusal(503, "too many requests at once; come again", retry_after=1)
        scope.setdefault("state", {})["campaign"] = campaign


async def _body(receive: Receive) -> bytes | None:
    """All of it, in time; None where the client hung up."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if len(body) > MOST_BYTES:
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
    return _Refusal(413, f"at most {MOST_BYTES} bytes a request")


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _length(headers: dict[str, str]) -> int:
    stated = headers.get("content-length", "")
    return int(stated) if stated.isdecimal() else 0


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
