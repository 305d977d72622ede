"""Runs a node in real time: ticks it, gives it what comes in, and carries on what it leaves, disk first."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..node import Fatal, Node
from .disk import Disk

Post = Callable[[str, list[dict[str, Any]]], None]
"""Send these to an address, some time, or never."""


class Driver:
    """`ended` is set, with the reason, when the node cannot go on; and with None by who tells it to end."""

    def __init__(self, node: Node, disk: Disk, state: Callable[[], Any]) -> None:
        self.node = node
        self.ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.post: Post = lambda address, messages: None
        self._disk = disk
        self._state = state
        self._zero = time.time() - time.monotonic()
        self._tickets = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stirred = asyncio.Event()
        self._lost = False

    def now(self) -> float:
        """Seconds since the epoch, by a clock that nobody sets."""
        return self._zero + time.monotonic()

    def do(self, action: Callable[[float], Any]) -> None:
        """Let the node do something now."""
        if self._lost:
            return
        try:
            action(self.now())
        except Exception as error:
            # A node that failed in the middle of something is not what it was. Fatal is its own wish to end.
            self._lost = True
            if not self.ended.done():
                self.ended.set_result(str(error)) if isinstance(error, Fatal) else self.ended.set_exception(error)
            return
        node = self.node
        self._disk.write(node.take_facts(), self._state)
        mail: dict[str, list[dict[str, Any]]] = {}
        for address, message in node.take_mail():
            mail.setdefault(address, []).append(message)
        for address, messages in mail.items():
            self.post(address, messages)
        for ticket, answer in node.take_replies():
            if (asked := self._asked.pop(ticket, None)) is not None and not asked.done():
                asked.set_result(answer)
        self._stirred.set()
        self._set_timer()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Looked at whenever the node did something."""
        while not condition():
            self._stirred.clear()
            await self._stirred.wait()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = max(self.node.due - self.now(), 0.001)
        self._timer = asyncio.get_running_loop().call_later(wait, self.do, self._tick)

    def _tick(self, now: float) -> None:
        if now >= self.node.due:
            self.node.tick(now)

    def receive(self, sender: str, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self.do(partial(self._give, sender, message))

    def _give(self, sender: str, message: dict[str, Any], now: float) -> None:
        self.node.receive(now, sender, message)

    def unreachable(self, address: str) -> None:
        self.do(lambda now: self.node.unreachable(now, address))

    async def ask(self, question: Any) -> Any:
        """The node's answer; who has no patience cancels."""
        ticket = next(self._tickets)
        self._asked[ticket] = asyncio.get_running_loop().create_future()
        try:
            future = self._asked[ticket]
            self.do(lambda now: self.node.ask(now, ticket, question))
            return await future
        finally:
            self._asked.pop(ticket, None)
