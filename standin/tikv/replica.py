"""One region's peer on this store, and what is told of it: to PD, and on the store's status port."""

from __future__ import annotations

from random import Random
from typing import Any

from ..raft.log import FIRST_INDEX, FIRST_TERM, Log
from ..raft.machine import Role
from ..raft.peer import Peer
from ..region import Place, Region
from .machine import RegionMachine
from .settings import Settings
from .status import region_status


class Replica:
    """`peer` does the work; this knows which store is behind which peer, and who was heard when."""

    def __init__(self, id: int, machine: RegionMachine, settings: Settings, random: Random) -> None:
        self.machine = machine
        begun = bool(machine.region.peers)
        log = Log(FIRST_INDEX, FIRST_TERM) if begun else Log()
        self.peer = Peer(id, machine, settings.pace, random, log)
        self.told: Any = None
        """What PD was last told, so far as a change of it is told at once."""
        self.written: list[int] = [0, 0]
        """Bytes and keys since PD was last told."""
        self._settings = settings
        self._heard: dict[int, float] = {}
        self._met: dict[int, Place] = {}

    @property
    def region(self) -> Region:
        return self.machine.region

    @property
    def leads(self) -> bool:
        return self.peer.role is Role.LEADER

    @property
    def leader(self) -> Place | None:
        """Whom this peer takes for the leader."""
        return self.region.peer(self.peer.leader)

    def hear(self, now: float, sender: Place) -> None:
        self._heard[sender.id] = now
        self._met[sender.id] = sender

    def place(self, peer: int) -> Place | None:
        """Where the peer is: a replica that waits for its first snapshot knows only who spoke to it."""
        return self.region.peer(peer) or self._met.get(peer)

    def pending(self) -> list[Place]:
        """Peers that lack what is no longer in the log, or of which a new leader knows nothing yet."""
        if self.peer.leadership is None:
            return []
        progress, base = self.peer.leadership.progress, self.peer.log.base_index
        others = [place for place in self.region.peers if place.id != self.peer.id]
        return [place for place in others if place.id not in progress or progress[place.id].matched < base]

    def down(self, now: float) -> list[tuple[Place, int]]:
        """Peers that were not heard for long, and for how many seconds."""
        silent = [(p, now - self._heard.setdefault(p.id, now)) for p in self.region.peers if p.id != self.peer.id]
        return [(place, int(time)) for place, time in silent if time >= self._settings.peer_down]

    def outline(self) -> Any:
        """What PD hears of at once when it changes; None while this peer does not lead."""
        if not self.leads:
            return None
        return (self.peer.log.term, self.region, tuple(self.pending()))

    def heartbeat(self, now: float) -> dict[str, Any]:
        """What the leader tells PD. It counts what was written since it last did."""
        written, self.written = self.written, [0, 0]
        return {
            "kind": "region_heartbeat",
            "region": self.region.to_json(),
            "leader": self.peer.id,
            "term": self.peer.log.term,
            "pending": [place.id for place in self.pending()],
            "down": [[place.id, time] for place, time in self.down(now)],
            "written_bytes": written[0],
            "written_keys": written[1],
        }

    def status(self) -> dict[str, Any]:
        return region_status(self.region, self.peer)

    def to_json(self) -> dict[str, Any]:
        return {"peer": self.peer.id, **self.peer.to_json()}
