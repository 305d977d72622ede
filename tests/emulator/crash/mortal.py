"""A controller in a process of its own, which can be killed at a chosen point."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

from bench.quick import QuickSpec
from controller.__main__ import serve
from controller.attempt import steps
from controller.campaign import parsing, preconditions
from controller.records import facade
from controller.settings import Settings
from tests.support.lasting import LastingSubject, LastingWorld
from tests.support.points import die, die_with_parent, watch_points


@dataclass(frozen=True)
class Orders:
    """What the process is told: where everything is, whether faults last, when to die, and how long a file may get.

    The kernel refuses what would make one longer than `file_bytes`: for SQLite, a disk that is full.
    """

    settings: Settings
    world: Path
    stays_down: bool = False
    die: str | None = None
    file_bytes: int | None = None


def forks() -> ForkServerContext:
    """A server that has imported everything once: a controller then starts in a twentieth of a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def live(orders: Orders) -> None:
    """Run the controller until a signal ends it, or whoever started it is gone."""
    die_with_parent()
    if orders.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders.file_bytes, resource.RLIM_INFINITY))
    parsing.CampaignSpec = QuickSpec  # type: ignore[attr-defined]
    preconditions.RETRY_SECONDS = 0.1
    steps.RECORD_WAIT_SECONDS = facade.LONGEST_PAUSE = 0.2
    watch_points(LastingSubject, lambda moment: die() if moment.point == orders.die else None)
    world = LastingWorld(orders.world)
    asyncio.run(serve(orders.settings, subjects={"scripted": lambda c: LastingSubject(c, world, orders.stays_down)}))
