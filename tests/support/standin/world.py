"""Time, and hosts to which things happen. A virtual minute of six idle hosts takes about a tenth of a second."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable
from random import Random
from typing import Any

from standin.names import Names
from standin.node import Fatal

from .host import Host, Make
from .network import Network


class World:
    """`now` is in seconds since the epoch, as everywhere."""

    def __init__(self, seed: int, by_json: bool = False) -> None:
        """`by_json`: every message really goes through JSON, which takes a third longer."""
        self.random = Random(seed)
        self._by_json = by_json
        self._network = Network(self)
        self.now = 1_795_416_672.0 + self.random.random()
        self.hosts: dict[str, Host] = {}
        self._by_address: dict[str, Host] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ips = itertools.count(1)
        self._tickets = itertools.count(1)
        self._asked: dict[int, Callable[[Any], None]] = {}

    # Time.

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), action))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            at, _, action = heapq.heappop(self._queue)
            self.now = max(self.now, at)
            action()
        self.now = end

    def run_until(self, condition: Callable[[], bool], seconds: float) -> None:
        end = self.now + seconds
        while not condition():
            if self.now >= end:
                raise AssertionError(f"not within {seconds} s")
            self.run(0.1)

    # Hosts.

    def add(self, name: str, addresses: tuple[str, ...], make: Make, calls: bool) -> None:
        """It is known to others by the first of the addresses."""
        self.hosts[name] = Host(name, addresses[0], make, calls)
        self._by_address |= dict.fromkeys(addresses, self.hosts[name])

    def start(self, name: str, new_pod: bool = True) -> None:
        """A process with what the volume has; in a pod with another address, or in the same one."""
        host = self.hosts[name]
        if new_pod:
            host.ip = f"10.244.0.{next(self._ips)}"
        host.node = host.make(self.now, host.checkpoint, json.loads(json.dumps(host.facts)))
        host.frozen = False
        host.names, host.connected, host.held, host.dialling = Names(), {}, {}, set()
        host.wake_at = float("inf")
        self._wake(host)

    def kill(self, name: str) -> None:
        """SIGKILL. Whoever was connected notices at once; the address stays until the pod is taken away."""
        host = self.hosts[name]
        if host.node is None:
            return
        if self.random.random() < 0.5:  # the journal may have been replaced just before
            host.checkpoint, host.facts = self._written(host.node), []
        host.node = None
        for other in self.hosts.values():
            if other is not host and other.connected.pop(host.address, None) is not None:
                self._network.refuse(other, host)
                self._network.redial(other, host, self._network.latency())

    @staticmethod
    def _written(node: Any) -> Any:
        return json.loads(json.dumps(node.kept.to_json() if hasattr(node, "kept") else node.to_json()))

    def remove_pod(self, name: str) -> None:
        """Its name does not resolve any more."""
        self.kill(name)
        self.hosts[name].ip = None

    def wipe(self, name: str) -> None:
        """The volume of one that is not running is as new."""
        self.hosts[name].checkpoint, self.hosts[name].facts = None, []

    def freeze(self, name: str) -> None:
        self.hosts[name].frozen = True

    def thaw(self, name: str) -> None:
        host = self.hosts[name]
        host.frozen, host.wake_at = False, float("inf")
        waiting, host.waiting = host.waiting, []
        self._wake(host)
        for action in waiting:
            action()

    def cut(self, name: str, off: bool = True) -> None:
        """No packet passes between this host and any other. Observers from outside are not hosts."""
        self.hosts[name].cut = off

    # What happens at a host.

    def _wake(self, host: Host) -> None:
        """See to it that the process gets the tick it wants next."""
        node = host.node
        if node is None or host.frozen or node.due >= host.wake_at:
            return
        at = host.wake_at = max(node.due, self.now)

        def tick() -> None:
            if host.node is node and not host.frozen and host.wake_at == at:
                host.wake_at = float("inf")
                self.do(host, lambda: node.tick(self.now))

        self.after(at - self.now, tick)

    def do(self, host: Host, action: Callable[[], object]) -> None:
        """Let the process do something, and carry on what it leaves."""
        node = host.node
        if node is None:
            return
        try:
            action()
        except Fatal as fatal:
            host.died_of = str(fatal)
            self.kill(host.name)
            self.after(1.0, lambda: self.start(host.name, new_pod=False))
            return
        host.facts += node.take_facts()
        for address, message in node.take_mail():
            sent = json.loads(json.dumps(message)) if self._by_json else message
            self._network.post(host, self._by_address[address], sent)
        for ticket, answer in node.take_replies():
            if (asked := self._asked.pop(ticket, None)) is not None:
                asked(answer)
        self._wake(host)

    # Questions from outside.

    def ask(self, name: str, question: Any, then: Callable[[Any], None]) -> None:
        """`then` gets the answer, or None at once where nobody listens; nothing while the process is frozen."""
        host = self.hosts[name]
        node = host.node
        if node is None:
            then(None)
            return
        ticket = next(self._tickets)
        self._asked[ticket] = then

        def arrive() -> None:
            if host.frozen:
                host.waiting.append(arrive)
            elif host.node is node:
                self.do(host, lambda: node.ask(self.now, ticket, question))
            elif (asked := self._asked.pop(ticket, None)) is not None:
                asked(None)

        self.after(self._network.latency(), arrive)
