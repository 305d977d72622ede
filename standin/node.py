"""What the shell and the simulation know of a member, be it of PD or of TiKV.

A node does nothing by itself. It is told what time it is (`tick`), what came in (`receive`, `ask`) and what could not
be reached; then whoever runs it takes what it left: facts to keep on disk first, then mail to send, replies to give.
"""

from __future__ import annotations

from typing import Any

Mail = tuple[str, dict[str, Any]]
"""An address, host:port, and a message that travels as JSON."""


class Fatal(Exception):
    """The process ends with this in its log, as the real one would. Kubernetes starts it again."""


class Node:
    """Times are seconds since the epoch; the address is the one other members reach this one by."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.mail: list[Mail] = []
        self.replies: list[tuple[int, Any]] = []
        """By ticket: a question that `ask` left open is answered here later, or never."""
        self.due = 0.0
        """When it wants its next tick."""

    def tick(self, now: float) -> None:
        raise NotImplementedError

    def receive(self, now: float, sender: str, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def ask(self, now: float, ticket: int, question: Any) -> None:
        """Answered in `replies`, now or later."""
        raise NotImplementedError

    def unreachable(self, now: float, address: str) -> None:
        """Mail to there was refused, or a stream from there broke: sooner known than by waiting."""

    def take_facts(self) -> list[list[Any]]:
        """What changed that must be on disk before mail and replies leave."""
        raise NotImplementedError

    def send(self, address: str, message: dict[str, Any]) -> None:
        self.mail.append((address, message))

    def reply(self, ticket: int, answer: Any) -> None:
        self.replies.append((ticket, answer))

    def take_mail(self) -> list[Mail]:
        mail, self.mail = self.mail, []
        return mail

    def take_replies(self) -> list[tuple[int, Any]]:
        replies, self.replies = self.replies, []
        return replies


def following(due: float, interval: float, now: float) -> float:
    """When a thing done each `interval` seconds is due again; one that was late for long does not catch up."""
    return due + interval if due + interval > now else now + interval
