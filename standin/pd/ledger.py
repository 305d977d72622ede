"""What PD's members agree on, and keep on disk: all of it in every entry of their log, for it is small.

Not in here is what only the leader knows, and forgets when it loses the lead: when it last heard of which store.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

from ..raft.message import Entry
from ..region import Region
from .settings import Config, shipped

UP, OFFLINE, TOMBSTONE = 0, 1, 2
"""metapb.StoreState."""


@dataclass(slots=True)
class StoreRecord:
    id: int
    address: str
    status_address: str
    version: str
    start_timestamp: int
    state: int = UP
    destroyed: bool = False
    last_heartbeat: int = 0
    """Nanoseconds since the epoch, as last written down: PD does so every five minutes."""


@dataclass(slots=True)
class RegionRecord:
    region: Region
    leader: int = 0
    """The peer PD last heard of as its leader. It stays listed when it dies."""

    def to_json(self) -> list[Any]:
        return [self.region.to_json(), self.leader]


@dataclass(slots=True)
class Ledger:
    cluster: int = 0
    holder: str = ""
    """The member whose lease counts; empty when it gave the lease back."""
    bootstrapped: int = 0
    """When, in nanoseconds since the epoch; 0 for not yet."""
    ids: int = 0
    """No id above this was handed out."""
    keyspace_split: bool = False
    stores: dict[int, StoreRecord] = field(default_factory=dict)
    regions: dict[int, RegionRecord] = field(default_factory=dict)
    evicted: list[int] = field(default_factory=list)
    """Stores that the evict-leader-scheduler keeps free of leaders."""
    config: Config = field(default_factory=shipped)

    def to_json(self) -> dict[str, Any]:
        told = {name: deepcopy(getattr(self, name)) for name in self.__slots__ if name not in ("stores", "regions")}
        stores = [asdict(store) for store in self.stores.values()]
        return {**told, "stores": stores, "regions": [region.to_json() for region in self.regions.values()]}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Ledger:
        stores = {store["id"]: StoreRecord(**store) for store in told["stores"]}
        regions = {region["id"]: RegionRecord(Region.from_json(region), leader) for region, leader in told["regions"]}
        return cls(**{**deepcopy(told), "stores": stores, "regions": regions})


class LedgerMachine:
    """The newest ledger that a majority has."""

    def __init__(self, voters: Collection[int]) -> None:
        self.voters = voters
        self.agreed: dict[str, Any] = Ledger().to_json()

    def apply(self, entry: Entry) -> None:
        self.agreed = entry.data

    def is_urgent(self, data: Any) -> bool:
        return True

    def snapshot(self) -> Any:
        return self.agreed

    def install(self, state: Any) -> None:
        self.agreed = state
