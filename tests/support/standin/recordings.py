"""The recordings of a real cluster, and what they and the simulation's own have in common: a story to compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "recordings"


@dataclass(frozen=True, slots=True)
class View:
    """The cluster at one instant. Regions are numbered by their range and stores go by name: ids differ by run."""

    t: float
    states: Mapping[str, str]
    """Stores' states, as PD says."""
    named: Mapping[int, str]
    """Regions' leaders, as PD says."""
    believers: Mapping[int, Sequence[str]]
    """Who calls itself a region's leader."""
    active: Mapping[int, Mapping[str, tuple[int, int]]]
    pending: int
    down: int
    health: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Written:
    """A write that began at `t`, in seconds since what was done, and ended at `end`."""

    t: float
    end: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Story:
    """`poll`: how long after it happened a thing may be seen only, in seconds."""

    views: Sequence[View]
    writes: Sequence[Written]
    poll: float


def view(sample: Mapping[str, Any], regions: Mapping[int, int], stores: Mapping[int, str]) -> View:
    """From a sample, and from what ids stand for."""
    active = sample.get("active_voters", {})
    return View(
        t=sample["t"],
        states={name: state for name, (_, state, _, _) in sample["stores"].items()},
        named={regions[region]: stores[store] for region, store in sample["leaders"] if store},
        believers={regions[int(id)]: names for id, names in sample["confirmed_leaders"].items()},
        active={regions[int(id)]: {n: tuple(v) for n, v in by.items()} for id, by in active.items()},
        pending=sample["pending_peer"],
        down=sample["down_peer"],
        health=sample["health"],
    )


def numbered(regions: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """Region ids, in PD's own form, to their place in the order of keys."""
    return {region["id"]: at for at, region in enumerate(sorted(regions, key=lambda r: r["start_key"]))}


class Recording:
    def __init__(self, name: str) -> None:
        self.name = name
        self.told: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
        body = self.told["before"]
        self._regions = numbered(body["/pd/api/v1/regions"][1]["regions"])
        stores = body["/pd/api/v1/stores"][1]["stores"]
        self._stores = {s["store"]["id"]: s["store"]["address"].split(".")[0] for s in stores}

    @property
    def began(self) -> float:
        """When it was done, in seconds since the epoch."""
        return float(self.told["t0_epoch"])

    def leaders(self) -> dict[int, str]:
        """Before: the stores that led the regions."""
        regions = self.told["before"]["/pd/api/v1/regions"][1]["regions"]
        return {self._regions[r["id"]]: self._stores[r["leader"]["store_id"]] for r in regions}

    def pd_leader(self) -> str:
        return str(self.told["before"]["/pd/api/v1/leader"][1]["name"])

    def story(self, writes_of: str = "", since: float = 0.0, until: float = float("inf")) -> Story:
        """`writes_of`: the recording whose client wrote through this one, if another, `since` seconds before."""
        views = [view(sample, self._regions, self._stores) for sample in self.told["timeline"]]
        if len(views) > 1 and views[0].t > views[1].t:  # a look that began before what was done
            views[0] = replace(views[0], t=0.0)
        file = FOLDER / f"{writes_of or self.name}.writes.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        writes = [Written(w["t"] - since, w["t"] - since + w["ms"] / 1000, w["ok"]) for w in map(json.loads, lines)]
        writes = [write for write in writes if write.t < until]
        # While a store was frozen, a look took ten seconds, for members were asked one after the other; and what it saw
        # first may have changed as soon as it was seen.
        return Story(views, writes, 21.0 if self.name.startswith("freeze") else 0.8)
