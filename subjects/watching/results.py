"""The newest reply of every member to every question, and which of them may still be believed. No I/O.

Replies belong to a pod's uid, never to its name, so a replaced pod starts with none. Times are monotonic seconds of
one clock. A question is whatever a subject makes it, as long as it can be a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from subjects.cluster import Answer

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """How one question to one member ended: with an answer, or with none and the reason.

    `sent_at` (monotonic seconds) is its age: what a member says holds at the earliest from the moment it was asked.
    """

    sent_at: float
    answer: Answer | None
    error: str = ""


class LatestResults(Generic[Q]):
    """Replies by pod uid and question."""

    def __init__(self) -> None:
        self._results: dict[str, dict[Q, QueryResult]] = {}
        self._void_before: dict[str, float] = {}

    def record(self, uid: str, query: Q, result: QueryResult) -> None:
        """Keep a reply, unless it was asked before the one we hold or before the pod last changed.

        Polls overlap: a write that hung through an election ends after one that was sent later and got through.
        """
        if uid not in self._void_before or result.sent_at < self._void_before[uid]:
            return
        held = self._results.setdefault(uid, {}).get(query)
        if held is None or result.sent_at >= held.sent_at:
            self._results[uid][query] = result

    def invalidate(self, uid: str, at: float) -> None:
        """A pod appeared or changed: whatever was asked of it before says nothing about it now."""
        self._void_before[uid] = at
        self._results.pop(uid, None)

    def forget(self, uid: str) -> None:
        """A pod is gone."""
        self._void_before.pop(uid, None)
        self._results.pop(uid, None)

    def recent(self, uid: str, asked_since: float) -> Mapping[Q, QueryResult]:
        """The replies of a pod that were asked at or after `asked_since`."""
        held = self._results.get(uid, {})
        return {query: result for query, result in held.items() if result.sent_at >= asked_since}

    def newest(self, uid: str, query: Q, asked_since: float) -> QueryResult | None:
        """One of them, if there is one: where a member is asked about hundreds of things, each is looked up alone."""
        result = self._results.get(uid, {}).get(query)
        return result if result is not None and result.sent_at >= asked_since else None


class RecentResults(Generic[Q]):
    """The book as it is read at one instant: what was asked at most `max_age` seconds ago."""

    def __init__(self, book: LatestResults[Q], now: float) -> None:
        self._results = book
        self.now = now

    def of(self, uid: str, max_age: float) -> Mapping[Q, QueryResult]:
        """All that the pod with this uid said."""
        return self._results.recent(uid, self.now - max_age)

    def one(self, uid: str, query: Q, max_age: float) -> QueryResult | None:
        """What it said to one question."""
        return self._results.newest(uid, query, self.now - max_age)
