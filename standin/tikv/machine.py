"""What the peers of a region agree on: its range, its peers, its data, and how commands change them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ..raft.message import Entry
from ..region import Place, Region


class RegionMachine:
    """Until a snapshot comes, a peer that was made by another's message knows only the region's id."""

    def __init__(self, region: Region, data: dict[str, str] | None = None) -> None:
        self.region = region
        self.data = data if data is not None else {}
        self.children: list[RegionMachine] = []
        """Split off and not yet given peers by the store."""

    @property
    def voters(self) -> Collection[int]:
        return [peer.id for peer in self.region.peers]

    def apply(self, entry: Entry) -> Any:
        """What the client gets: a value for a read, None for what was done, the region where it has changed."""
        command = entry.data
        match command["op"]:
            case "put" | "get" if not self._still_holds(command):
                return self.region
            case "put":
                self.data[command["key"]] = command["value"]
            case "get":
                return self.data.get(command["key"])
            case "change":
                self._change(command)
            case "split":
                self._split(command)
        return None

    def _still_holds(self, command: dict[str, Any]) -> bool:
        return command["version"] == self.region.version and self.region.contains(command["key"])

    def _change(self, command: dict[str, Any]) -> None:
        if command["conf_ver"] != self.region.conf_ver:
            return
        peers, region = self.region.peers, self.region
        if "add" in command:
            # Two steps in TiKV: a learner first, and its promotion.
            self.region = replace(region, peers=(*peers, Place(*command["add"])), conf_ver=region.conf_ver + 2)
        else:
            left = tuple(peer for peer in peers if peer.store != command["remove"])
            self.region = replace(region, peers=left, conf_ver=region.conf_ver + 1)

    def _split(self, command: dict[str, Any]) -> None:
        """All but the last part become regions of their own: the old one keeps the right, as TiKV has it by default."""
        region = self.region
        keys: list[str] = [key for key in command["keys"] if region.start < key and region.contains(key)]
        if command["version"] != region.version or len(keys) != len(command["keys"]):
            return
        version = region.version + len(keys)
        starts = [region.start, *keys[:-1]]
        for start, end, (id, peers) in zip(starts, keys, command["regions"], strict=True):
            places = tuple(Place(peer, old.store) for peer, old in zip(peers, region.peers, strict=True))
            child = Region(id, start, end, region.conf_ver, version, places)
            self.children.append(RegionMachine(child, {k: v for k, v in self.data.items() if child.contains(k)}))
        self.region = replace(region, start=keys[-1], version=version)
        self.data = {key: value for key, value in self.data.items() if self.region.contains(key)}

    def is_urgent(self, data: Any) -> bool:
        """All but a client's command: who waits for a split or a new peer needs every peer to have it."""
        return data is not None and data["op"] not in ("put", "get")

    def snapshot(self) -> Any:
        return {"region": self.region.to_json(), "data": dict(self.data)}

    def install(self, state: Any) -> None:
        self.region = Region.from_json(state["region"])
        self.data = dict(state["data"])
