"""Raft messages of other stores: to which replica each goes, and what becomes of those that fit none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..raft.message import Message
from ..region import Place, Region
from .replica import Replica

if TYPE_CHECKING:
    from .store import Store

MOST_EARLY_MESSAGES = 64
"""Kept for a region whose split has not arrived here yet."""


class Inbox:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._early: dict[int, list[dict[str, Any]]] = {}

    def deliver(self, now: float, message: dict[str, Any]) -> None:
        peer, store = message["to"]
        if store != self._store.kept.id or not self._store.joined:
            return
        replica = self._store.kept.replicas.get(message["region"]) or self._invited(message)
        if replica is None:
            return
        if replica.peer.id != peer or self._is_stranger(replica, message):
            return
        replica.hear(now, Place(*message["from"]))
        replica.peer.step(Message.from_json(message["m"]))
        self._store.settle(now, replica)

    def _invited(self, message: dict[str, Any]) -> Replica | None:
        """A replica for a region that got a peer here; None where its split, or its range, is still to come free."""
        region, held = message["region"], self._store.kept.replicas.values()
        if message["conf_ver"] <= self._store.kept.gone.get(region, -1):
            return None
        if any(other.region.peers and other.region.overlaps(message["start"], message["end"]) for other in held):
            early = self._early.setdefault(region, [])
            early.append(message)
            del early[:-MOST_EARLY_MESSAGES]
            return None
        if message["m"]["kind"] not in ("append", "heartbeat", "snapshot"):
            return None
        return self._store.kept.begin(Region(region, "", "", 0, 0, ()), message["to"][0])

    def _is_stranger(self, replica: Replica, message: dict[str, Any]) -> bool:
        """Whether the sender was removed from the region; then it is told so."""
        peer, store = message["from"]
        if replica.region.peer(peer) is not None or replica.region.conf_ver <= message["conf_ver"]:
            return False
        if address := self._store.addresses.get(store):
            gone = {"region": message["region"], "peer": peer, "conf_ver": replica.region.conf_ver}
            self._store.send(address, {"kind": "gone", **gone})
        return True

    def take_early(self, region: int) -> list[dict[str, Any]]:
        """What came for the region before it was here."""
        return self._early.pop(region, [])

    def leave(self, message: dict[str, Any]) -> None:
        """We are told that our peer was removed from a region."""
        replica = self._store.kept.replicas.get(message["region"])
        if replica and replica.peer.id == message["peer"] and replica.region.conf_ver < message["conf_ver"]:
            self._store.kept.drop(message["region"], message["conf_ver"])
