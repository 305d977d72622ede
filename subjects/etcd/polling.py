"""Asking every member everything, without waiting for any of them.

Polls overlap on purpose. A write that was sent while there was no leader hangs until its limit even if a leader is
found in between; only one that is sent afterwards shows it. So a new one goes out every `period`, whatever still hangs.

The write is put through every member rather than one in turn: a client that tries the members is served as soon as one
of them takes it, and a turn would have to wait out the silent ones to learn the same, later.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from subjects.cluster import ClusterError, ClusterUnreachable, MemberUnreachable, Pod
from subjects.etcd.replies import Reply
from subjects.etcd.wire import CLIENT_PORT, Question
from subjects.protocol import SubjectContext

MAX_UNANSWERED = 5
"""Requests of one kind that may hang at one member at once: what `limit / period` makes of a silent one, and one more
for a pod event. Without a bound, a machine that is too busy to answer would be asked more and more."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often members are asked (from start to start) and how long an answer may take, in seconds.

    `write_limit` is what a client would wait, and decides how late the beginning of an outage is seen: within
    `period + write_limit`; its end, within `period`. An election takes etcd little more than a second, so it must be
    short, or the commonest outage would go unseen. `limit` is for everything else, and tells a silent member from a
    busy machine: on two cores with four busy loops and a disk under synchronous writes, answers took up to 0.34 s.
    Writes took up to 0.52 s there, 0.39 s in 99 of 100; one that gets through any member in time is enough.
    """

    period: float = 0.25
    limit: float = 1.0
    write_limit: float = 0.5

    def limit_of(self, question: Question) -> float:
        """How long the answer to this question may take."""
        return self.write_limit if question is Question.WRITE else self.limit

    @property
    def max_age(self) -> float:
        """A reply that was asked longer ago no longer holds: a later one should have come by now."""
        return self.period + self.limit


async def ask(context: SubjectContext, pod: Pod, question: Question, limit: float) -> Reply:
    """One question to one member; never raises for what the member, the network or the API server does.

    `limit` (seconds) is kept here too, so that no client, however it counts, can hold up an answer.
    """
    asked = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(limit):
            answer = await context.cluster.ask_member(
                context.namespace, pod, CLIENT_PORT, question.path, timeout=limit, body=question.body
            )
    except TimeoutError:
        return Reply(asked, None, f"no answer within {limit:g} s")
    except (MemberUnreachable, ClusterError, ClusterUnreachable) as error:
        return Reply(asked, None, str(error) or type(error).__name__)
    return Reply(asked, answer)


class Poll:
    """Questions under way. `start` runs a coroutine in the background; `heard` takes each reply as it comes."""

    def __init__(
        self,
        context: SubjectContext,
        pace: Pace,
        start: Callable[[Coroutine[Any, Any, None]], None],
        heard: Callable[[str, Question, Reply], None],
    ) -> None:
        self._context = context
        self._pace = pace
        self._start = start
        self._heard = heard
        self._unanswered: Counter[tuple[str, Question]] = Counter()

    def ask_all(self, pods: Iterable[Pod]) -> None:
        """Ask each of these pods every question, now. A pod without an address is not there to be asked yet."""
        for pod in pods:
            for question in Question:
                if pod.ip is not None and self._unanswered[pod.uid, question] < MAX_UNANSWERED:
                    self._unanswered[pod.uid, question] += 1
                    self._start(self._ask(pod, question))

    async def _ask(self, pod: Pod, question: Question) -> None:
        try:
            reply = await ask(self._context, pod, question, self._pace.limit_of(question))
        finally:
            self._unanswered[pod.uid, question] -= 1
        self._heard(pod.uid, question, reply)
