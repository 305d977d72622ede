"""What stands before the API: a token, a campaign's budget, and limits to a body's size and time.

They are checked in this order, before a body is read: a caller without a token costs nothing. A campaign that sends too
much is refused and told when to come again; that costs the others nothing. Tickets have an allowance that no log can
use up. What is refused for good is counted, so that an attempt does not look complete.
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
"""A body up to this size is taken whatever the large ones do: as many as there may be connections fit into memory."""

LARGE_AT_ONCE_BYTES = 4 * MEBIBYTE
LARGE_IN_ALL_BYTES = 16 * MEBIBYTE
"""Of larger bodies that are being received or worked on: of one campaign, and of all."""

MAX_AT_ONCE = 16
LOGS_AT_ONCE = 4
"""Requests of one campaign, all of them, and those of them that bring logs. A ticket finds a place beside its logs."""


MAX_IDLE = 256
"""Accounts that are kept before those that are like new are dropped."""


class RequestKind(StrEnum):
    """What a request brings, as far as budgets go."""

    TICKETS = "tickets"
    """And sessions."""
    LOG = "log"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`burst` at once, then so many a second."""

    a_second: float
    burst: float


REQUESTS = {RequestKind.TICKETS: RateLimit(20, 200), RequestKind.LOG: RateLimit(20, 400)}
BYTES = {
    RequestKind.TICKETS: RateLimit(MEBIBYTE / 2, 8 * MEBIBYTE),
    RequestKind.LOG: RateLimit(MEBIBYTE, 24 * MEBIBYTE),
}


class OverBudget(Exception):
    """Too much; the text says of what. `wait` is in how many seconds it may be tried again; `rate`: sent too fast.

    Where it is not too fast, it is too much at once, and in a moment there will be room.
    """

    def __init__(self, why: str, wait: float, rate: bool) -> None:
        super().__init__(why)
        self.wait = max(1, math.ceil(wait))
        self.rate = rate


@dataclass(slots=True)
class _Bucket:
    rate: RateLimit
    level: float
    at: float

    def missing(self, amount: float, now: float) -> float:
        """Seconds until there is so much; 0.0 where there is now."""
        self.level = min(self.rate.burst, self.level + (now - self.at) * self.rate.a_second)
        self.at = now
        return max(0.0, min(amount, self.rate.burst) - self.level) / self.rate.a_second


@dataclass(slots=True)
class _Account:
    """Of one campaign."""

    buckets: dict[tuple[str, RequestKind], _Bucket]
    at_once: Counter[RequestKind] = field(default_factory=Counter)
    large: int = 0

    def idle(self, now: float) -> bool:
        """Whether nothing is under way and nothing is used up."""
        full = all(not bucket.missing(bucket.rate.burst, now) for bucket in self.buckets.values())
        return full and not self.at_once.total()


class Budgets:
    """Of all campaigns. `clock` is in seconds, and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._large = 0

    def enter(self, campaign: str, kind: RequestKind, size: int) -> None:
        """A request with a body of at most `size` bytes begins. Raises OverBudget; then it has not begun."""
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
        """It is over. `actual` bytes came, where `size` were allowed for; the rest is given back."""
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
        """Forget who has sent nothing for so long that a new account is the same as theirs."""
        if len(self._accounts) >= MAX_IDLE:
            self._accounts = {each: account for each, account in self._accounts.items() if not account.idle(now)}


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


class IntakeLimits:
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
        kind = RequestKind.LOG if scope["path"].startswith(LOG) else RequestKind.TICKETS
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
