"""Asking members without waiting for any of them.

Polls overlap on purpose. A write that was sent while there was no leader hangs until its limit even if a leader is
found in between; only one that is sent afterwards shows it. So a new one goes out every period, whatever still hangs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from subjects.cluster import Answer, ClusterError, ClusterUnreachable, MemberUnreachable, Pod
from subjects.watching.results import QueryResult

Q = TypeVar("Q", bound=Hashable)

MAX_UNANSWERED = 5
"""Requests of one kind that may hang at one member at once: what `timeout / period` makes of a silent one, and one more
for a pod event. Without a bound, a machine that is too busy to answer would be asked more and more."""

MAX_AT_ONE_MEMBER = 32
"""Requests of all kinds that may hang at one member at once: a frozen one holds up no question to the others."""


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


async def send_within(timeout: float, request: Callable[[], Awaitable[Answer]]) -> QueryResult:
    """The reply to one request; never raises for what the member, the network or the API server does.

    `timeout` (seconds) is kept here too, so that no client, however it counts, can hold up an answer.
    """
    asked = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(timeout):
            answer = await request()
    except TimeoutError:
        return QueryResult(asked, None, f"no answer within {timeout:g} s")
    except (MemberUnreachable, ClusterError, ClusterUnreachable) as error:
        return QueryResult(asked, None, str(error) or type(error).__name__)
    return QueryResult(asked, answer)


class Poll(Generic[Q]):
    """Questions under way. `start` runs a coroutine in the background; `on_result` takes each reply as it comes."""

    def __init__(
        self,
        ask: Callable[[Pod, Q], Awaitable[QueryResult]],
        start: Callable[[Coroutine[Any, Any, None]], None],
        on_result: Callable[[str, Q, QueryResult], None],
    ) -> None:
        self._ask_one = ask
        self._start = start
        self._on_result = on_result
        self._unanswered: Counter[tuple[str, Q]] = Counter()
        self._at_member: Counter[str] = Counter()

    def ask(self, queries: Iterable[tuple[Pod, Q]], at_once: int = MAX_UNANSWERED) -> None:
        """Send these questions, now, unless `at_once` of the same kind hang already.

        A pod without an address is not there to be asked yet.
        """
        for pod, query in queries:
            if (
                pod.ip is not None
                and self._unanswered[pod.uid, query] < at_once
                and self._at_member[pod.uid] < MAX_AT_ONE_MEMBER
            ):
                self._unanswered[pod.uid, query] += 1
                self._at_member[pod.uid] += 1
                self._start(self._ask(pod, query))

    async def _ask(self, pod: Pod, query: Q) -> None:
        try:
            result = await self._ask_one(pod, query)
        finally:
            self._drop(self._unanswered, (pod.uid, query))
            self._drop(self._at_member, pod.uid)
        self._on_result(pod.uid, query, result)

    @staticmethod
    def _drop(counter: Counter[Any], key: Any) -> None:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]
