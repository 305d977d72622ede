"""What stands before the API: a token, a limit to a body's size, and one to how many come at once.

In this order, and before a body is read: whoever has no token costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1 << 20
MOST_AT_ONCE = 16
PROTECTED = "/v1/"


class _TooLarge(Exception):
    pass


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
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        campaign = self._campaign_of(_bearer(headers.get("authorization", "")))
        if campaign is None:
            return await _refuse(send, 401, "a bearer token is needed; `evalcampaign token CAMPAIGN` prints it")
        if _length(headers) > MOST_BYTES:
            return await _refuse(send, 413, f"at most {MOST_BYTES} bytes a request")
        if self._inside >= MOST_AT_ONCE:
            return await _refuse(send, 503, "too many requests at once; come again", retry_after=1)
        scope.setdefault("state", {})["campaign"] = campaign
        self._inside += 1
        try:
            await self._pass(scope, receive, send)
        finally:
            self._inside -= 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken, refused = 0, False

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise _TooLarge
            return message

        async def sending(message: Message) -> None:
            """Whatever the application makes of a body that was cut off, the answer is ours."""
            nonlocal refused
            if taken <= MOST_BYTES:
                await send(message)
            elif not refused:
                refused = True
                await _refuse(send, 413, f"at most {MOST_BYTES} bytes a request")

        with suppress(_TooLarge):
            await self._app(scope, counting, sending)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _length(headers: dict[str, str]) -> int:
    stated = headers.get("content-length", "")
    return int(stated) if stated.isdecimal() else 0


async def _refuse(send: Send, status: int, why: str, retry_after: int | None = None) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    # Whoever sends more than we take is not listened to any longer.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
