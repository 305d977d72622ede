"""The controller as a process of its own that notes what it has committed, and dies where it is told to.

It is the real one, with the real etcd as its subject. Only the settle time is a tenth of what the campaign says, for
the API takes whole seconds.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from pydantic import model_validator

from bench.quick import QuickSpec
from controller.__main__ import serve
from controller.campaign import parsing, preconditions
from controller.kube import KubeCluster
from controller.settings import Settings
from subjects.etcd import EtcdSubject
from tests.support.points import APPLIED, POINTS, UNDONE, Moment, die, die_with_parent, watch_points

APPLYING, UNDOING = "applying", "undoing"
"""A request that breaks, or mends, is under way: its answer has not been read, and may never come."""

REQUESTS = {"node_kill": {"delete_pod": APPLYING}, "node_down": {"patch_pod": APPLYING, "delete_pod": UNDOING}}
"""By chaos: which request of the cluster's is which. Nothing is deleted to undo a deletion."""


def points(chaos: str) -> list[str]:
    """All of them, in the order of an attempt."""
    found = list(POINTS)
    found.insert(found.index(APPLIED), APPLYING)
    if UNDOING in REQUESTS[chaos].values():
        found.insert(found.index(UNDONE), UNDOING)
    return found


@dataclass(frozen=True)
class Death:
    """Where to die: when this point is passed the `nth` time. `delay` is for requests: so many seconds into one."""

    point: str
    nth: int = 1
    delay: float = 0.0


@dataclass(frozen=True)
class Orders:
    """What the process is told: where everything is, where to note what it did, and when to die."""

    settings: Settings
    notes: Path
    chaos: str
    death: Death | None = None


class BriskSpec(QuickSpec):
    """Settles in a tenth of the time."""

    @model_validator(mode="before")
    @classmethod
    def hasten(cls, asked: dict[str, Any]) -> dict[str, Any]:
        """Before anything is checked."""
        return asked | {"settleSeconds": asked["settleSeconds"] / 10}


def forks() -> ForkServerContext:
    """A server that has imported everything once: a controller then starts in a twentieth of a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def live(orders: Orders) -> None:
    """Run the controller until a signal ends it, or whoever started it is gone."""
    die_with_parent()
    parsing.CampaignSpec = BriskSpec  # type: ignore[attr-defined]
    preconditions.RETRY_SECONDS = 0.1
    fate = _Fate(orders)
    watch_points(EtcdSubject, fate.passed)
    for name, point in REQUESTS[orders.chaos].items():
        setattr(KubeCluster, name, fate.in_flight(getattr(KubeCluster, name), point))
    log = os.open(orders.notes.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    asyncio.run(serve(orders.settings, subjects={"etcd": EtcdSubject}))


def read_notes(path: Path) -> list[tuple[float, Moment]]:
    """What all lives noted, in order: seconds since the epoch, and what was passed then."""
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [(line.pop("at"), Moment(**line)) for line in lines]


class _Fate:
    """Notes each moment in a file, which outlives the process once it is written, and ends the process in time."""

    def __init__(self, orders: Orders) -> None:
        self._notes = os.open(orders.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._death = orders.death
        self._passed = 0

    def passed(self, moment: Moment) -> None:
        """Something became a fact."""
        os.write(self._notes, (json.dumps({"at": time.time()} | asdict(moment)) + "\n").encode())
        if self._dies_at(moment.point):
            die()

    def in_flight(self, request: Callable[..., Awaitable[None]], point: str) -> Callable[..., Awaitable[None]]:
        """The same request, in the middle of which it may end."""

        async def sent(*args: Any) -> None:
            if not self._dies_at(point):
                return await request(*args)
            assert self._death is not None
            asyncio.get_running_loop().call_later(self._death.delay, die)
            await request(*args)
            die()

        return sent

    def _dies_at(self, point: str) -> bool:
        if self._death is None or self._death.point != point:
            return False
        self._passed += 1
        return self._passed == self._death.nth
