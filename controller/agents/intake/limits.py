"""The middleware before the API: it checks the token, the campaign's budget, and the body's size and time.

The checks run in this order, before the body is read, so that a caller without a token costs nothing. A campaign that
sends too much is refused with a Retry-After, without cost for the others. Tickets have a budget of their own, which no
log can use up. Permanent refusals are counted, so that the attempt is flagged as incomplete.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.meter import UNMETERED, Meter
from controller.records.inbox import RejectedWrites

MEBIBYTE = 1 << 20

SMALL_BYTES = 64 << 10
"""Bodies up to this size have no limit of their own: one for every possible connection fits into memory."""

LARGE_AT_ONCE_BYTES = 4 * MEBIBYTE
LARGE_IN_ALL_BYTES = 16 * MEBIBYTE
"""The most bytes of larger bodies that are in progress: of one campaign, and of all."""

MAX_AT_ONCE = 16
LOGS_AT_ONCE = 4
"""The most concurrent requests of one campaign, and how many of them may be logs, so that tickets have room."""


MAX_IDLE = 256
"""The number of accounts from which on idle ones are dropped."""


class RequestKind(StrEnum):
    """The kinds of requests, which have separate budgets."""

    TICKETS = "tickets"
    """Tickets and sessions."""
    LOG = "log"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit: `burst` at once, then `a_second` per second."""

    a_second: float
    burst: float


REQUESTS = {RequestKind.TICKETS: RateLimit(20, 200), RequestKind.LOG: RateLimit(20, 400)}
BYTES = {
    RequestKind.TICKETS: RateLimit(MEBIBYTE / 2, 8 * MEBIBYTE),
    RequestKind.LOG: RateLimit(MEBIBYTE, 24 * MEBIBYTE),
}


class OverBudget(Exception):
    """The request exceeds a budget; the text says which. It may be sent again after `wait` seconds.

    `rate`: too much was sent per second. Otherwise too much is in progress at once.
    """

    def __init__(self, reason: str, wait: float, rate: bool) -> None:
        super().__init__(reason)
        self.wait = max(1, math.ceil(wait))
        self.rate = rate


@dataclass(slots=True)
class _Bucket:
    rate: RateLimit
    level: float
    at: float

    def missing(self, amount: float, now: float) -> float:
        """Returns the seconds until `amount` is available; 0.0 where it is now."""
        self.level = min(self.rate.burst, self.level + (now - self.at) * self.rate.a_second)
        self.at = now
        return max(0.0, min(amount, self.rate.burst) - self.level) / self.rate.a_second


@dataclass(slots=True)
class _Account:
    """The budgets of one campaign, and what it has in progress."""

    buckets: dict[tuple[str, RequestKind], _Bucket]
    at_once: Counter[RequestKind] = field(default_factory=Counter)
    large: int = 0

    def idle(self, now: float) -> bool:
        """Returns whether nothing is in progress and nothing of the budgets is used up."""
        full = all(not bucket.missing(bucket.rate.burst, now) for bucket in self.buckets.values())
        return full and not self.at_once.total()


class Budgets:
    """The budgets of all campaigns. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._large = 0

    def enter(self, campaign: str, kind: RequestKind, size: int) -> None:
        """Reserves the budget of a request with a body of at most `size` bytes, or raises OverBudget."""
        account, now = self._account(campaign), self._clock()
        if account.at_once.total() >= MAX_AT_ONCE or (
            kind is RequestKind.LOG and account.at_once[kind] >= LOGS_AT_ONCE
        ):
            raise OverBudget("too many requests with this token at once; come again", 1, rate=False)
        if size > SMALL_BYTES:
            if account.large + size > LARGE_AT_ONCE_BYTES:
                raise OverBudget("too many large requests with this token at once; come again", 1, rate=False)
            if self._large + size > LARGE_IN_ALL_BYTES:
                raise OverBudget("too many large requests at once; come again", 1, rate=False)
        requests, sizes = account.buckets["requests", kind], account.buckets["bytes", kind]
        if wait := requests.missing(1, now):
            what = f"more than {requests.rate.a_second:g} requests with {kind} a second; come again"
            raise OverBudget(what, wait, rate=True)
        if wait := sizes.missing(size, now):
            what = f"more than {sizes.rate.a_second / MEBIBYTE:g} MiB of {kind} a second; come again"
            raise OverBudget(what, wait, rate=True)
        requests.level -= 1
        sizes.level -= size
        account.at_once[kind] += 1
        if size > SMALL_BYTES:
            account.large += size
            self._large += size

    def leave(self, campaign: str, kind: RequestKind, size: int, actual: int) -> None:
        """Ends a request. Of the `size` bytes that were reserved, `actual` were received; the rest is given back."""
        account = self._accounts[campaign]
        account.at_once[kind] -= 1
        sizes = account.buckets["bytes", kind]
        sizes.level = min(sizes.rate.burst, sizes.level + size - actual)
        if size > SMALL_BYTES:
            account.large -= size
            self._large -= size

    def _account(self, campaign: str) -> _Account:
        if (account := self._accounts.get(campaign)) is None:
            now = self._clock()
            self._drop_idle(now)
            buckets = {
                (what, kind): _Bucket(rates[kind], rates[kind].burst, now)
                for what, rates in (("requests", REQUESTS), ("bytes", BYTES))
                for kind in RequestKind
            }
            account = self._accounts[campaign] = _Account(buckets)
        return account

    def _drop_idle(self, now: float) -> None:
        """Drops the accounts that are the same as new ones, where there are many."""
        if len(self._accounts) >= MAX_IDLE:
            self._accounts = {each: account for each, account in self._accounts.items() if not account.idle(now)}


MAX_BYTES = MEBIBYTE
BODY_SECONDS = 10.0
"""The limit for receiving a body, because a slow sender takes up room."""

MAX_UNWANTED = 8
"""The most refused bodies of one campaign that are read to their end at once."""

PROTECTED = "/v1/"
LOG, TICKETS = "/v1/log", "/v1/tickets/"

PERMANENT_REFUSALS = frozenset({409, 413, 422, 429, 507})
"""The statuses after which a sender may not repeat the request."""


class _Refusal(Exception):
    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


class IntakeLimits:
    """ASGI middleware. `campaign_of` maps a token to a campaign's uid, which is put into the request's state."""

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
        """Handles one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PROTECTED):
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        campaign = self._campaign_of(_bearer(headers.get("authorization", "")))
        if campaign is None:
            self._meter.agent_answered(401)
            no = _Refusal(401, "a bearer token is needed, and this is none that sends here")
            return await _refuse(send, no)
        scope.setdefault("state", {})["campaign"] = campaign
        send = self._counting(campaign, scope["path"], send)
        try:
            await self._answer(scope, receive, send, campaign, _max_length(headers))
        except _Refusal as no:
            await _refuse(send, no)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, campaign: str, max_bytes: int) -> None:
        """Handles a request within the campaign's budget. `max_bytes` is the most bytes of its body."""
        if max_bytes > MAX_BYTES:
            raise _too_large()
        kind = RequestKind.LOG if scope["path"].startswith(LOG) else RequestKind.TICKETS
        try:
            self._budgets.enter(campaign, kind, max_bytes)
        except OverBudget as over:
            await self._let_finish(receive, campaign)
            raise _Refusal(429 if over.rate else 503, str(over), over.wait) from None
        body: bytes | None = None
        try:
            if (body := await _body(receive)) is not None:
                await self._app(scope, _replaying(body, receive), send)
        finally:
            # An aborted request uses up all that was reserved for it.
            self._budgets.leave(campaign, kind, max_bytes, max_bytes if body is None else len(body))

    async def _let_finish(self, receive: Receive, campaign: str) -> None:
        """Reads and discards the rest of a body, because a sender that is cut off does not read the response.

        It does so for a few bodies at once only, because slow senders would keep connections open.
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

    def _counting(self, campaign: str, path: str, send: Send) -> Send:
        """Returns a `send` that counts responses, and permanent refusals of logs."""

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                self._meter.agent_answered(status)
                if status in PERMANENT_REFUSALS and not path.startswith(TICKETS):
                    self._rejected.count_log(campaign)
            await send(message)

        return send_counted


async def _body(receive: Receive, keep: bool = True) -> bytes | None:
    """Returns the body; None where the client disconnected. Without `keep` the body is discarded. Raises _Refusal."""
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


def _max_length(headers: dict[str, str]) -> int:
    """Returns the stated length of the body, or the most that is allowed where none is stated, in bytes."""
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
    # The connection is closed, because the sender may still be sending the body.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": no.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
