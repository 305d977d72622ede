"""A region: a range of keys, and the peers that hold it. Keys are hexadecimal, which sorts as their bytes do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A peer, by its id, and the store it is on."""

    id: int
    store: int

    def to_json(self) -> list[int]:
        return [self.id, self.store]


@dataclass(frozen=True, slots=True)
class Region:
    """From `start` to before `end`; an empty end is the end of everything."""

    id: int
    start: str
    end: str
    conf_ver: int
    version: int
    peers: tuple[Place, ...]

    def contains(self, key: str) -> bool:
        return self.start <= key and (not self.end or key < self.end)

    def overlaps(self, start: str, end: str) -> bool:
        return (not end or self.start < end) and (not self.end or start < self.end)

    def on(self, store: int) -> Place | None:
        return next((peer for peer in self.peers if peer.store == store), None)

    def peer(self, id: int) -> Place | None:
        return next((peer for peer in self.peers if peer.id == id), None)

    def is_newer(self, conf_ver: int, version: int) -> bool:
        """Whether one with that epoch knows less than this."""
        return self.conf_ver > conf_ver or self.version > version

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("id", "start", "end", "conf_ver", "version")}
        return {**told, "peers": [peer.to_json() for peer in self.peers]}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Region:
        return cls(**{**told, "peers": tuple(Place(*peer) for peer in told["peers"])})
