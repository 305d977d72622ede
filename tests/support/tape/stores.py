"""Stores as PD lists them: from its full answers, with states, counts and heartbeats as they were at a time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from math import inf
from random import Random

from tests.support.tape.presence import silent_since
from tests.support.tape.recording import Json, Recording, StoreSeen
from tests.support.tape.regions import regions_at

SECOND = 10**9
BEAT = 2 * SECOND
"""Nanoseconds between two heartbeats of a store, as that cluster was set."""

PERSISTED_AGE = 300.0
"""Seconds. A new PD leader knows heartbeats only as the old one saved them, which it did every five minutes."""


def stores_at(recording: Recording, t: float) -> list[Json]:
    """The stores in full, in an order that changes with the time asked, as PD's does with every call."""
    pending = Counter(
        peer["store_id"] for region in regions_at(recording, t) for peer in region.get("pending_peers", ())
    )
    stores: list[Json] = []
    for each in recording.snapshot(t).body("/stores")["stores"]:
        name = each["store"]["address"].split(".")[0]
        seen = recording.frame(t).stores[name]
        started, beat = _started(recording, t, seen.id), last_heartbeat(recording, t, name)
        meta = {"state_name": seen.state, "last_heartbeat": beat, "start_timestamp": started}
        status = _status(each["status"], seen, pending[seen.id], started, beat)
        stores.append({"store": each["store"] | meta, "status": status})
    Random(repr(t)).shuffle(stores)
    return stores


def _status(recorded: Json, seen: StoreSeen, pending: int, started: int, beat: int) -> Json:
    status = recorded | dict.fromkeys(("leader_count", "leader_score", "leader_size"), seen.leaders)  # of size 1 each
    status |= {"region_count": seen.regions, "start_ts": _time(started * SECOND), "last_heartbeat_ts": _time(beat)}
    status |= {"pending_peer_count": pending, "uptime": _duration(beat - started * SECOND)}
    left_out = {key for key in ("pending_peer_count", "uptime") if not status[key]}  # as PD does with what is zero
    return {key: value for key, value in status.items() if key not in left_out}


def last_heartbeat(recording: Recording, t: float, name: str) -> int:
    """When PD last heard this store, in nanoseconds of the Unix epoch.

    Up, it beats every two seconds while it answers. Not Up, the full answers say when it stopped. Where they do not, it
    is not the store that fell silent but PD's new leader that has not heard it yet.
    """
    seen = recording.frame(t).stores[name]
    told = _told(recording, seen.id)
    stopped = min((store["last_heartbeat"] for store in told if store["state_name"] != "Up"), default=None)
    not_up = [frame.t for frame in recording.frames if frame.stores[name].state != "Up"]
    up_again = min((frame.t for frame in recording.frames if not_up and frame.t > not_up[-1]), default=inf)
    if stopped is not None and stopped <= _nanoseconds(recording, t) and t < up_again:
        return int(stopped)
    if seen.state != "Up":
        return _nanoseconds(recording, not_up[0] - PERSISTED_AGE)
    heard = silent_since(recording, t, name)
    nearest = told[recording.snapshots.index(recording.snapshot(heard))]
    anchor = next(store["last_heartbeat"] for store in (nearest, *told) if store["state_name"] == "Up")
    return int(anchor + (_nanoseconds(recording, heard) - anchor) // BEAT * BEAT)


def _started(recording: Recording, t: float, store: int) -> int:
    """The last recorded start that there had been by then, in seconds of the Unix epoch."""
    starts = [told["start_timestamp"] for told in _told(recording, store)]
    return int(max((start for start in starts if start <= recording.t0 + t), default=starts[0]))


@cache
def _told(recording: Recording, store: int) -> list[Json]:
    """The store as each full answer had it."""
    listed = (snapshot.body("/stores")["stores"] for snapshot in recording.snapshots)
    return [each["store"] for stores in listed for each in stores if each["store"]["id"] == store]


def _nanoseconds(recording: Recording, t: float) -> int:
    return round((recording.t0 + t) * SECOND)


def _time(nanoseconds: int) -> str:
    """As Go writes it: without trailing zeros."""
    seconds, rest = divmod(nanoseconds, SECOND)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _duration(nanoseconds: int) -> str:
    """As Go writes it: 1h1m6.28s. Empty where there is none yet."""
    if nanoseconds <= 0:
        return ""
    seconds, rest = divmod(nanoseconds, SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    text = f"{seconds}{fraction}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text
