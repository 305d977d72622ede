"""What PD's leader knows of stores and regions: the ledger, and what it heard since it leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..durations import seconds
from ..region import Region
from .ledger import OFFLINE, TOMBSTONE, UP, Ledger, RegionRecord, StoreRecord

DISCONNECTED_SECONDS = 20.0
"""Without a heartbeat. PD has this as a constant."""

WRITE_DOWN_SECONDS = 300.0
"""How old the written time of a store's last heartbeat may grow: what a new leader begins with."""

ID_STEP = 1000
"""Ids are reserved so many at a time. What a leader has not used is lost with it."""


@dataclass(slots=True)
class StoreLife:
    """Of a store, since this member leads."""

    last_heartbeat: float
    stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RegionLife:
    """Of a region, from its leader's last heartbeat."""

    term: int = 0
    pending: tuple[int, ...] = ()
    down: tuple[tuple[int, int], ...] = ()
    written_bytes: int = 0
    written_keys: int = 0


class Refused(Exception):
    """PD will not have the store; the sentence goes into the store's log."""


class Cluster:
    """Whoever changes the ledger sets `dirty`."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.dirty = False
        self._next_id = ledger.ids
        self._stores: dict[int, StoreLife] = {}
        self._regions: dict[int, RegionLife] = {}

    def new_id(self) -> int:
        self._next_id += 1
        if self._next_id > self.ledger.ids:
            self.ledger.ids += ID_STEP
            self.dirty = True
        return self._next_id

    # Stores.

    def put_store(self, told: Mapping[str, Any]) -> None:
        """A store starts. Refused where its address belongs to another that is not gone, or it was itself removed."""
        stores = self.ledger.stores
        for other in stores.values():
            if other.address == told["address"] and other.id != told["id"] and not self._is_out(other):
                about = f"id:{told['id']} address:{told['address']!r}"
                raise Refused(f"duplicated store address: {about}, already registered by id:{other.id}")
        record = stores.get(told["id"])
        if record is not None and (record.state == TOMBSTONE or record.destroyed):
            raise Refused(f"store {record.id} has been removed")
        fields = {name: told[name] for name in ("id", "address", "status_address", "version", "start_timestamp")}
        if record is None:
            stores[told["id"]] = StoreRecord(**fields)
        else:
            for name, value in fields.items():
                setattr(record, name, value)
        self.dirty = True

    @staticmethod
    def _is_out(store: StoreRecord) -> bool:
        return store.state == TOMBSTONE or store.destroyed

    def hear_store(self, now: float, told: Mapping[str, Any]) -> None:
        record = self.ledger.stores.get(told["id"])
        if record is None or record.state == TOMBSTONE:
            return
        stats = {name: told.get(name, 0) for name in ("capacity", "available", "used")}
        self._stores[record.id] = StoreLife(now, stats)
        if now - record.last_heartbeat / 1e9 >= WRITE_DOWN_SECONDS:
            record.last_heartbeat = int(now * 1e9)
            self.dirty = True

    def stats(self, store: int) -> Mapping[str, Any]:
        return self._stores[store].stats if store in self._stores else {}

    def last_heartbeat(self, store: StoreRecord) -> int:
        """Nanoseconds since the epoch; 0 for never."""
        heard = self._stores.get(store.id)
        return int(heard.last_heartbeat * 1e9) if heard is not None else store.last_heartbeat

    def state_name(self, now: float, store: StoreRecord) -> str:
        if store.state != UP:
            return "Offline" if store.state == OFFLINE else "Tombstone"
        silent = now - self.last_heartbeat(store) / 1e9
        if silent > seconds(self.ledger.config["schedule"]["max-store-down-time"]):
            return "Down"
        return "Disconnected" if silent > DISCONNECTED_SECONDS else "Up"

    def up_stores(self, now: float) -> list[StoreRecord]:
        return [store for store in self.ledger.stores.values() if self.state_name(now, store) == "Up"]

    def addresses(self) -> dict[str, str]:
        return {str(store.id): store.address for store in self.ledger.stores.values() if not self._is_out(store)}

    # Regions.

    def hear_region(self, told: Mapping[str, Any]) -> bool:
        """A heartbeat of a region's leader. False where PD knows better already."""
        region = Region.from_json(told["region"])
        known, life = self.ledger.regions.get(region.id), self.life(region.id)
        if known is not None and (known.region.is_newer(region.conf_ver, region.version) or told["term"] < life.term):
            return False
        for other in tuple(self.ledger.regions.values()):
            if other.region.id != region.id and other.region.overlaps(region.start, region.end):
                if other.region.version > region.version:
                    return False
                del self.ledger.regions[other.region.id]  # it was split; what is left of it will report
        if known is None or (known.region, known.leader) != (region, told["leader"]):
            self.ledger.regions[region.id] = RegionRecord(region, told["leader"])
            self.dirty = True
        self._regions[region.id] = RegionLife(
            term=told["term"],
            pending=tuple(told["pending"]),
            down=tuple((peer, time) for peer, time in told["down"]),
            written_bytes=told["written_bytes"],
            written_keys=told["written_keys"],
        )
        return True

    def life(self, region: int) -> RegionLife:
        return self._regions.get(region, RegionLife())

    def region_of(self, key: str) -> RegionRecord | None:
        return next((record for record in self.ledger.regions.values() if record.region.contains(key)), None)

    def regions(self) -> list[RegionRecord]:
        """By their range."""
        return sorted(self.ledger.regions.values(), key=lambda record: record.region.start)

    def leads(self, store: int, regions: Iterable[RegionRecord] | None = None) -> list[RegionRecord]:
        """The regions whose leader PD last heard to be on the store."""
        known = self.ledger.regions.values() if regions is None else regions
        return [r for r in known if (place := r.region.on(store)) is not None and place.id == r.leader]

    def holds(self, store: int) -> list[RegionRecord]:
        return [record for record in self.ledger.regions.values() if record.region.on(store) is not None]

    @property
    def max_replicas(self) -> int:
        return int(self.ledger.config["replication"]["max-replicas"])
