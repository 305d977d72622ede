"""A recording of a real TiKV cluster: what polls saw and when, PD's full answers, and a client's writes.

Times are seconds after the command. A poll holds until the next one: what is so in between nobody saw. A full answer
of PD holds from its newest store heartbeat on, and what polls say is laid over it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod as kubectl showed it. `uid` is the first six characters of the real one."""

    uid: str
    phase: str
    ready: bool
    restarts: int
    deleting: bool


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """A store as PD listed it."""

    id: int
    state: str
    leaders: int
    regions: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One poll, with `t` -inf for the one ahead of the command.

    `leaders`: region to the store that PD names. `confirmed`: region to the pods whose own status port says Leader.
    `voters`: region to pod to how many voters it calls active; empty in the older recordings.
    """

    t: float
    stores_http: int
    health_http: int
    stores: Mapping[str, StoreSeen]
    health: Mapping[str, bool]
    pods: Mapping[str, PodSeen]
    initialized: bool
    pending: int
    leaders: Mapping[int, int | None]
    confirmed: Mapping[int, tuple[str, ...]]
    voters: Mapping[int, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every PD endpoint's answer at one time, as (HTTP status, body) by path."""

    taken: float
    answers: Mapping[str, tuple[int, Json]]

    def body(self, path: str) -> Json:
        """What PD answered at this path below /pd/api/v1."""
        return self.answers[f"/pd/api/v1{path}"][1]


@dataclass(frozen=True, slots=True)
class Write:
    """One write of the client: when it was asked, whether it went through, how long it took, what went wrong."""

    asked: float
    ok: bool
    seconds: float
    error: str


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording in full. `t0` is the command's time (Unix epoch); `first` is the one that this one ends, if any."""

    name: str
    command: str
    t0: float
    frames: tuple[Frame, ...]
    snapshots: tuple[Snapshot, ...]
    writes: tuple[Write, ...] = ()
    first: Recording | None = None

    def frame(self, t: float) -> Frame:
        """The last poll up to then."""
        return next(frame for frame in reversed(self.frames) if frame.t <= t)

    def snapshot(self, t: float) -> Snapshot:
        """The last full answers up to then; those of `before` ahead of them."""
        return next((each for each in reversed(self.snapshots) if each.taken <= t), self.snapshots[0])

    def write(self, t: float) -> Write | None:
        """The last write asked up to then; None while no client wrote."""
        at = bisect_right(self.writes, t, key=lambda write: write.asked)
        if at == len(self.writes) and not (self.writes and t <= self.writes[-1].asked + self.writes[-1].seconds):
            return None
        return self.writes[at - 1] if at else None
