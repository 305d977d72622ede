"""What a store keeps on its volume, and how it comes back from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from ..region import Region
from .machine import RegionMachine
from .replica import Replica
from .settings import Settings


class Kept:
    """A store's identity and replicas. Changes are noted as facts, and facts can be replayed."""

    def __init__(self, settings: Settings, random: Random) -> None:
        self.cluster = 0
        self.id = 0
        self.replicas: dict[int, Replica] = {}
        self.gone: dict[int, int] = {}
        """Regions that had a peer here and have none any more: with the conf_ver that took it away."""
        self.facts: list[list[Any]] = []
        self._settings = settings
        self._random = random

    def name(self, cluster: int, id: int) -> None:
        self._write(["name", cluster, id])

    def begin(self, region: Region, peer: int) -> Replica:
        """A replica; of a region without peers where a snapshot must tell the rest."""
        self._write(["begin", region.to_json(), peer])
        return self.replicas[region.id]

    def drop(self, region: int, conf_ver: int) -> None:
        self._write(["drop", region, conf_ver])

    def note(self, region: int) -> list[Replica]:
        """Take over what the replica's log noted, and the replicas that it split off."""
        replica = self.replicas[region]
        self.facts += [["raft", region, fact] for fact in replica.peer.log.facts]
        replica.peer.log.facts.clear()
        return self._adopt(replica)

    def _write(self, fact: list[Any]) -> None:
        self.replay(fact)
        self.facts.append(fact)

    def _adopt(self, parent: Replica) -> list[Replica]:
        children, parent.machine.children = parent.machine.children, []
        born = []
        for machine in children:
            place = machine.region.on(self.id)
            if place is not None and machine.region.id not in self.gone:
                self.replicas[machine.region.id] = self._replica(place.id, machine)
                born.append(self.replicas[machine.region.id])
        return born

    def _replica(self, id: int, machine: RegionMachine) -> Replica:
        return Replica(id, machine, self._settings, self._random)

    def replay(self, fact: list[Any]) -> None:
        kind, *values = fact
        if kind == "name":
            self.cluster, self.id = values
        elif kind == "begin":
            region = Region.from_json(values[0])
            self.replicas[region.id] = self._replica(values[1], RegionMachine(region))
        elif kind == "drop":
            self.replicas.pop(values[0], None)
            self.gone[values[0]] = values[1]
        elif kind == "raft":
            replica = self.replicas[values[0]]
            replica.peer.replay(values[1])
            self._adopt(replica)
        else:
            raise ValueError(f"a store knows no {kind}")

    def to_json(self) -> dict[str, Any]:
        """All of it, so that the facts so far may be thrown away."""
        replicas = {str(id): replica.to_json() for id, replica in self.replicas.items()}
        gone = {str(region): conf_ver for region, conf_ver in self.gone.items()}
        return {"cluster": self.cluster, "id": self.id, "replicas": replicas, "gone": gone}

    def load(self, told: Mapping[str, Any] | None, facts: Iterable[list[Any]] = ()) -> None:
        """Come back as the one that was stopped after those facts."""
        if told is not None:
            self.cluster, self.id = told["cluster"], told["id"]
            self.gone = {int(region): conf_ver for region, conf_ver in told["gone"].items()}
            for held in told["replicas"].values():
                machine = RegionMachine(Region.from_json(held["state"]["region"]))
                replica = self._replica(held["peer"], machine)
                replica.peer.load(held)
                self.replicas[machine.region.id] = replica
        for fact in facts:
            self.replay(fact)
