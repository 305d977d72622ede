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
class Reply:
    """How one question to one member ended: with an answer, or with none and the reason.

    `asked` (monotonic seconds) is its age: what a member says holds at the earliest from the moment it was asked.
    """

    asked: float
    answer: Answer | None
    error: str = ""


class ReplyBook(Generic[Q]):
    """Replies by pod uid and question."""

    def __init__(self) -> None:
        self._replies: dict[str, dict[Q, Reply]] = {}
        self._void_before: dict[str, float] = {}

    def note(self, uid: str, question: Q, reply: Reply) -> None:
        """Keep a reply, unless it was asked before the one we hold or before the pod last changed.

        Polls overlap: a write that hung through an election ends after one that was sent later and got through.
        """
        if uid not in self._void_before or reply.asked < self._void_before[uid]:
            return
        held = self._replies.setdefault(uid, {}).get(question)
        if held is None or reply.asked >= held.asked:
            self._replies[uid][question] = reply

    def pod_changed(self, uid: str, at: float) -> None:
        """A pod appeared or changed: whatever was asked of it before says nothing about it now."""
        self._void_before[uid] = at
        self._replies.pop(uid, None)

    def forget(self, uid: str) -> None:
        """A pod is gone."""
        self._void_before.pop(uid, None)
        self._replies.pop(uid, None)

    def fresh(self, uid: str, asked_since: float) -> Mapping[Q, Reply]:
        """The replies of a pod that were asked at or after `asked_since`."""
        held = self._replies.get(uid, {})
        return {question: reply for question, reply in held.items() if reply.asked >= asked_since}

    def newest(self, uid: str, question: Q, asked_since: float) -> Reply | None:
        """One of them, if there is one: where a member is asked about hundreds of things, each is looked up alone."""
        reply = self._replies.get(uid, {}).get(question)
        return reply if reply is not None and reply.asked >= asked_since else None


class Fresh(Generic[Q]):
    """The book as it is read at one instant: what was asked at most `max_age` seconds ago."""

    def __init__(self, book: ReplyBook[Q], now: float) -> None:
        self._book = book
        self.now = now

    def of(self, uid: str, max_age: float) -> Mapping[Q, Reply]:
        """All that the pod with this uid said."""
        return self._book.fresh(uid, self.now - max_age)

    def one(self, uid: str, question: Q, max_age: float) -> Reply | None:
        """What it said to one question."""
        return self._book.newest(uid, question, self.now - max_age)
