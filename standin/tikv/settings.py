"""The part of tikv.toml that changes what others see, with TiKV's own defaults. All else in the file is ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..durations import seconds
from ..raft.machine import Pace


@dataclass(frozen=True, slots=True)
class Settings:
    """Durations in seconds."""

    tick: float = 1.0
    pace: Pace = field(default_factory=Pace)
    region_heartbeat: float = 60.0
    store_heartbeat: float = 10.0
    peer_down: float = 600.0
    """A peer not heard of for so long is told to PD as down."""

    @classmethod
    def from_toml(cls, told: Mapping[str, Any]) -> Settings:
        raftstore, shipped = told.get("raftstore", {}), cls()

        def duration(key: str, default: float) -> float:
            return seconds(raftstore[key]) if key in raftstore else default

        return cls(
            tick=duration("raft-base-tick-interval", shipped.tick),
            pace=Pace(
                election=raftstore.get("raft-election-timeout-ticks", 10),
                heartbeat=raftstore.get("raft-heartbeat-ticks", 2),
            ),
            region_heartbeat=duration("pd-heartbeat-tick-interval", shipped.region_heartbeat),
            store_heartbeat=duration("pd-store-heartbeat-tick-interval", shipped.store_heartbeat),
            peer_down=duration("max-peer-down-duration", shipped.peer_down),
        )
