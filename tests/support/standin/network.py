"""Lines between hosts, as the shell has them: kept, held for, made again; with what a host knows of names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .host import Host

if TYPE_CHECKING:
    from .world import World

HELD_SECONDS = 5.0
"""Mail for an address that cannot be reached is kept so long, for the connection that may still come."""

RECONNECT_SECONDS = 1.0


class Network:
    """What is sent arrives some milliseconds later, in order, unless one of both ends is cut off or gone."""

    def __init__(self, world: World) -> None:
        self._world = world

    def post(self, sender: Host, target: Host, message: dict[str, Any]) -> None:
        if target.calls and not sender.calls:
            if target.connected.get(sender.address) == sender.ip:
                self._deliver(sender, target, message)
            return
        sender.held.setdefault(target.address, []).append((self._world.now, message))
        if target.address not in sender.dialling:
            self._flush(sender, target)

    def _flush(self, sender: Host, target: Host) -> None:
        """Send what is held, over the connection there is, or over a new one to where the name is thought to be."""
        held = sender.held.get(target.address, [])
        held[:] = [(at, message) for at, message in held if self._world.now - at < HELD_SECONDS]
        sender.dialling.discard(target.address)
        ip = sender.connected.get(target.address) or self._look_up(sender, target)
        if ip is None or ip != target.ip or target.node is None or sender.cut or target.cut:
            if ip is not None and ip == target.ip and target.node is None and held:
                self.refuse(sender, target)
                held.clear()
            sender.connected.pop(target.address, None)
            self.redial(sender, target, RECONNECT_SECONDS)
            return
        sender.connected[target.address] = ip
        for _, message in held:
            self._deliver(sender, target, message)
        held.clear()

    def redial(self, sender: Host, target: Host, seconds: float) -> None:
        """A connection that was there is made again, mail or not: that is when the name is looked up."""
        node = sender.node
        sender.dialling.add(target.address)
        self._world.after(seconds, lambda: self._flush(sender, target) if sender.node is node is not None else None)

    def _look_up(self, sender: Host, target: Host) -> str | None:
        return sender.names.find(self._world.now, target.address, lambda _: target.ip) if sender.calls else target.ip

    def _deliver(self, sender: Host, target: Host, message: dict[str, Any]) -> None:
        node = target.node

        def arrive() -> None:
            if sender.cut or target.cut or target.node is not node or node is None:
                return
            if target.frozen:
                target.waiting.append(arrive)
            else:
                self._world.do(target, lambda: node.receive(self._world.now, sender.address, message))

        # Over a connection nothing overtakes.
        at = max(self._world.now + self.latency(), sender.arrivals.get(target.name, 0.0))
        sender.arrivals[target.name] = at
        self._world.after(at - self._world.now, arrive)

    def refuse(self, sender: Host, target: Host) -> None:
        node = sender.node
        if node is not None and not sender.frozen:
            world = self._world
            told = partial(world.do, sender, lambda: node.unreachable(world.now, target.address))
            world.after(self.latency(), told)

    def latency(self) -> float:
        return self._world.random.uniform(0.0005, 0.003)
