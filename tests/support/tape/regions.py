"""Regions as PD lists them: from its full answers, with the leaders and the pending peers that the polls saw."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tests.support.tape.recording import Frame, Json, Recording


def regions_at(recording: Recording, t: float) -> list[Json]:
    """The regions in full."""
    frame = recording.frame(t)
    pending = _pending(recording, frame)
    return [
        {key: value for key, value in region.items() if key != "pending_peers"}
        | {"leader": _leader(region, frame)}
        | ({"pending_peers": pending[region["id"]]} if region["id"] in pending else {})
        for region in recording.snapshot(t).body("/regions")["regions"]
    ]


def _leader(region: Json, frame: Frame) -> Json:
    return next((peer for peer in region["peers"] if peer["store_id"] == frame.leaders[region["id"]]), {})


def leader_sums(regions: list[Json]) -> Mapping[str, Mapping[str, int]]:
    """The part of PD's region statistics that hangs on who leads: what each store leads. Zeros are left out."""
    counts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    keys: dict[str, int] = {}
    for region in regions:
        if "store_id" in region["leader"]:
            store = str(region["leader"]["store_id"])
            counts[store] = counts.get(store, 0) + 1
            sizes[store] = sizes.get(store, 0) + region["approximate_size"]
            keys[store] = keys.get(store, 0) + region["approximate_keys"]
    return {"store_leader_count": counts, "store_leader_size": sizes, "store_leader_keys": keys}


def _pending(recording: Recording, frame: Frame) -> Mapping[int, Json]:
    """Region to its pending peers. Polls only count the regions; which they are follows from three facts.

    PD's full answers name every region that ever had one. A leader is no pending peer of its own region. And where
    some have caught up, it is those whose leader calls all its voters active.
    """
    known = _ever_pending(recording)
    possible = [
        region for region, peers in known.items() if all(peer["store_id"] != frame.leaders[region] for peer in peers)
    ]
    if len(possible) < frame.pending:
        raise ValueError(f"{recording.name}: {frame.pending} regions have pending peers at {frame.t}: which?")
    possible.sort(key=lambda region: max(frame.voters.get(region, {}).values(), default=0))
    return {region: known[region] for region in possible[: frame.pending]}


@cache
def _ever_pending(recording: Recording) -> Mapping[int, Json]:
    return {
        region["id"]: region["pending_peers"]
        for snapshot in recording.snapshots
        for region in snapshot.body("/regions")["regions"]
        if "pending_peers" in region
    }
