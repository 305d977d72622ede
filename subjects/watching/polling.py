"""Querying members without waiting for any of them, and keeping the latest result of every query.

Polls overlap on purpose. A write that was sent while there was no leader hangs until its timeout even if a leader is
found in between; only one that is sent afterwards shows it. So a new one is sent every period, even while others hang.

Times are monotonic seconds of the event loop. A query is any hashable value that the subject defines.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Generic, TypeVar

from subjects.cluster import Answer, ClusterError, ClusterUnreachable, MemberUnreachable, Pod

Q = TypeVar("Q", bound=Hashable)

MAX_IN_FLIGHT = 5
"""Requests of one query that may hang at one member at once: what `timeout / period` makes of a silent one, and one
more for a pod event. Without a bound, a machine that is too busy to answer would be queried more and more."""

MAX_IN_FLIGHT_AT_MEMBER = 32
"""Requests of all queries that may hang at one member at once: a frozen one delays no query to the others."""

MAX_PER_PERIOD = 64
"""Queries about single items in one period. At two to four milliseconds of processor time a request, so many in half a
second leave most of a core to others."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How often members are queried (from start to start), and how long an answer may take, in seconds.

    Elections take a TiKV ten to twenty seconds, so half a second is a fine enough grid. A frozen member is found silent
    within `period + timeout`; until then its last result still holds.
    """

    period: float = 0.5
    timeout: float = 1.0

    @property
    def max_age(self) -> float:
        """Seconds after which a result no longer holds, because a later one should have come by now.

        The next query is sent a period later and may take its timeout; a busy machine gets another period.
        """
        return 2 * self.period + self.timeout


# Sending -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueryResult:
    """How one query to one member ended: with an answer, or with none and the reason.

    Its age counts from `sent_at`: what a member says holds at the earliest from the moment at which it was asked.
    """

    sent_at: float
    answer: Answer | None
    error: str = ""


async def send_within(timeout: float, request: Callable[[], Awaitable[Answer]]) -> QueryResult:
    """Send one request and return its result. Never raises for an error of the member, the network or the API server.

    `timeout` (seconds) is kept here too, so that no client, however it counts, can delay a result.
    """
    sent_at = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(timeout):
            answer = await request()
    except TimeoutError:
        return QueryResult(sent_at, None, f"no answer within {timeout:g} s")
    except (MemberUnreachable, ClusterError, ClusterUnreachable) as error:
        return QueryResult(sent_at, None, str(error) or type(error).__name__)
    return QueryResult(sent_at, answer)


class Poller(Generic[Q]):
    """Sends queries in the background.

    `send` sends one query; `start` runs a coroutine as a task; `on_result` is called with a pod's uid, the query and
    its result as soon as it ends.
    """

    def __init__(
        self,
        send: Callable[[Pod, Q], Awaitable[QueryResult]],
        start: Callable[[Coroutine[Any, Any, None]], None],
        on_result: Callable[[str, Q, QueryResult], None],
    ) -> None:
        self._send_one = send
        self._start = start
        self._on_result = on_result
        self._in_flight: Counter[tuple[str, Q]] = Counter()
        self._at_member: Counter[str] = Counter()

    def send(self, queries: Iterable[tuple[Pod, Q]], max_in_flight: int = MAX_IN_FLIGHT) -> None:
        """Send these queries now, except to pods without an address and where `max_in_flight` of the same one hang."""
        for pod, query in queries:
            if (
                pod.ip is not None
                and self._in_flight[pod.uid, query] < max_in_flight
                and self._at_member[pod.uid] < MAX_IN_FLIGHT_AT_MEMBER
            ):
                self._in_flight[pod.uid, query] += 1
                self._at_member[pod.uid] += 1
                self._start(self._send(pod, query))

    async def _send(self, pod: Pod, query: Q) -> None:
        try:
            result = await self._send_one(pod, query)
        finally:
            self._decrement(self._in_flight, (pod.uid, query))
            self._decrement(self._at_member, pod.uid)
        self._on_result(pod.uid, query, result)

    @staticmethod
    def _decrement(counter: Counter[Any], key: Any) -> None:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]


class RoundRobin(Generic[Q]):
    """Chooses which items are queried in a period, where there are more than may be queried at once. No I/O.

    All of a few items are queried in every period. Of hundreds, at most `cap` are: first the urgent ones, whose last
    result was bad or is missing, then those that were not queried for longest. So an outage shows within one period on
    for any part that is queried first, its end is seen item by item without delay, and all the others take turns.
    """

    def __init__(self, cap: int = MAX_PER_PERIOD) -> None:
        self._cap = cap
        self._queried_at: dict[Q, float] = {}

    def rounds(self) -> int:
        """Return how many periods it takes until every item was queried."""
        return max(1, ceil(len(self._queried_at) / self._cap))

    def next_batch(self, items: Iterable[Q], is_urgent: Callable[[Q], bool], now: float) -> list[Q]:
        """Return at most `cap` items and count them as queried now. Items that are no longer there are dropped."""
        self._queried_at = {item: self._queried_at.get(item, float("-inf")) for item in items}
        if len(self._queried_at) <= self._cap:
            batch = list(self._queried_at)
        else:
            batch = sorted(self._queried_at, key=lambda item: (not is_urgent(item), self._queried_at[item]))
            batch = batch[: self._cap]
        for item in batch:
            self._queried_at[item] = now
        return batch


# Results -------------------------------------------------------------------------------------------------------------


class LatestResults(Generic[Q]):
    """The latest result of every query to every pod. No I/O.

    Results belong to a pod's uid, never to its name, so a replaced pod starts with none.
    """

    def __init__(self) -> None:
        self._results: dict[str, dict[Q, QueryResult]] = {}
        self._valid_from: dict[str, float] = {}

    def record(self, uid: str, query: Q, result: QueryResult) -> None:
        """Keep a result, unless it was sent before the one that is held, or before the pod last changed.

        Polls overlap: a write that hung through an election ends after one that was sent later and got through.
        """
        if uid not in self._valid_from or result.sent_at < self._valid_from[uid]:
            return
        held = self._results.setdefault(uid, {}).get(query)
        if held is None or result.sent_at >= held.sent_at:
            self._results[uid][query] = result

    def invalidate(self, uid: str, at: float) -> None:
        """Drop all results of a pod that appeared or changed: what was sent before says nothing about it now."""
        self._valid_from[uid] = at
        self._results.pop(uid, None)

    def forget(self, uid: str) -> None:
        """Drop a pod that is gone."""
        self._valid_from.pop(uid, None)
        self._results.pop(uid, None)

    def since(self, uid: str, sent_since: float) -> Mapping[Q, QueryResult]:
        """Return the results of a pod that were sent at or after `sent_since`."""
        held = self._results.get(uid, {})
        return {query: result for query, result in held.items() if result.sent_at >= sent_since}

    def latest(self, uid: str, query: Q, sent_since: float) -> QueryResult | None:
        """Return one of them: with hundreds of queries to a member, each is looked up alone."""
        result = self._results.get(uid, {}).get(query)
        return result if result is not None and result.sent_at >= sent_since else None


class RecentResults(Generic[Q]):
    """The latest results, as they are read at one instant: those that were sent at most `max_age` seconds ago."""

    def __init__(self, results: LatestResults[Q], now: float) -> None:
        self._results = results
        self.now = now

    def of_pod(self, uid: str, max_age: float) -> Mapping[Q, QueryResult]:
        """Return all results of the pod with this uid."""
        return self._results.since(uid, self.now - max_age)

    def of_query(self, uid: str, query: Q, max_age: float) -> QueryResult | None:
        """Return the pod's result of one query."""
        return self._results.latest(uid, query, self.now - max_age)
