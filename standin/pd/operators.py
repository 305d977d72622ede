"""What PD has regions' leaders do, one thing a region at a time, until it is seen to be done or its time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .cluster import Cluster
from .ledger import RegionRecord

REPEAT_SECONDS = 1.0
"""A command is said again: its leader may have changed, or may not have been able to."""

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Operator:
    """transfer, add, remove or split. Which of the fields count follows from the kind."""

    kind: str
    region: int
    store: int = 0
    keys: tuple[str, ...] = ()
    version: int = 0
    conf_ver: int = 0
    by_hand: bool = False

    def is_done(self, cluster: Cluster, record: RegionRecord) -> bool:
        place = record.region.on(self.store)
        match self.kind:
            case "transfer":
                return place is not None and place.id == record.leader
            case "add":
                return place is not None and place.id not in cluster.life(self.region).pending
            case "remove":
                return place is None
        return record.region.version != self.version

    def __str__(self) -> str:
        """Roughly as `GET /operators` prints one."""
        origin, step = "admin" if self.by_hand else "pd", f"{self.kind} store {self.store}"
        if self.kind == "split":
            step = f"split region with keys {', '.join(self.keys)}"
        return f"{origin}-{self.kind} {{{step}}} (kind:{origin}, region:{self.region}, steps:[0:{{{step}}}])"


@dataclass(slots=True)
class Running:
    operator: Operator
    command: dict[str, Any]
    deadline: float
    said: float = field(default=float("-inf"))


class Operators:
    """`say(store id, command)` gives a command to the store that leads."""

    def __init__(self, cluster: Cluster, say: Callable[[int, dict[str, Any]], None]) -> None:
        self._cluster = cluster
        self._say = say
        self.running: dict[int, Running] = {}

    def add(self, now: float, operator: Operator) -> None:
        """By hand it takes the place of one that PD thought of itself."""
        running = self.running.get(operator.region)
        if running is not None and (running.operator.by_hand or not operator.by_hand):
            return
        self.running[operator.region] = Running(operator, self._command(operator), now + PATIENCE_SECONDS)
        self.push(now, (operator.region,))

    def push(self, now: float, regions: Iterable[int]) -> None:
        """Drop what is done or hopeless of these; say the rest if it is time."""
        for region in tuple(regions):
            running, record = self.running.get(region), self._cluster.ledger.regions.get(region)
            if running is None:
                continue
            if record is None or now > running.deadline or running.operator.is_done(self._cluster, record):
                del self.running[region]
            elif now - running.said >= REPEAT_SECONDS and (leader := record.region.peer(record.leader)) is not None:
                running.said = now
                self._say(leader.store, running.command)

    def _command(self, operator: Operator) -> dict[str, Any]:
        new_id, stores = self._cluster.new_id, self._cluster.addresses()
        command: dict[str, Any] = {"region": operator.region}
        match operator.kind:
            case "transfer":
                return {"kind": "transfer", "store": operator.store, **command}
            case "add":
                change = {"conf_ver": operator.conf_ver, "add": [new_id(), operator.store], "stores": stores}
                return {"kind": "change", **change, **command}
            case "remove":
                return {"kind": "change", "conf_ver": operator.conf_ver, "remove": operator.store, **command}
        peers = len(self._cluster.ledger.regions[operator.region].region.peers)
        regions = [[new_id(), [new_id() for _ in range(peers)]] for _ in operator.keys]
        return {"kind": "split", "keys": operator.keys, "version": operator.version, "regions": regions, **command}
