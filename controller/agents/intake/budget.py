"""What one campaign may send: so much at once, so much in a time. Tickets have an allowance that no log can use up.

A campaign that sends more is refused, and told when to come again; what it sends costs the others nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

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


class Kind(StrEnum):
    """What a request brings, as far as budgets go."""

    TICKETS = "tickets"
    """And sessions."""
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then so many a second."""

    a_second: float
    burst: float


REQUESTS = {Kind.TICKETS: Rate(20, 200), Kind.LOG: Rate(20, 400)}
BYTES = {Kind.TICKETS: Rate(MEBIBYTE / 2, 8 * MEBIBYTE), Kind.LOG: Rate(MEBIBYTE, 24 * MEBIBYTE)}


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
    rate: Rate
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

    buckets: dict[tuple[str, Kind], _Bucket]
    at_once: Counter[Kind] = field(default_factory=Counter)
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

    def enter(self, campaign: str, kind: Kind, size: int) -> None:
        """A request with a body of at most `size` bytes begins. Raises OverBudget; then it has not begun."""
        account, now = self._account(campaign), self._clock()
        if account.at_once.total() >= MAX_AT_ONCE or (kind is Kind.LOG and account.at_once[kind] >= LOGS_AT_ONCE):
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

    def leave(self, campaign: str, kind: Kind, size: int, actual: int) -> None:
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
                for kind in Kind
            }
            account = self._accounts[campaign] = _Account(buckets)
        return account

    def _drop_idle(self, now: float) -> None:
        """Forget who has sent nothing for so long that a new account is the same as theirs."""
        if len(self._accounts) >= MAX_IDLE:
            self._accounts = {each: account for each, account in self._accounts.items() if not account.idle(now)}
