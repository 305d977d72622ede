"""A controller that is killed with SIGKILL, at every point of an attempt, and started again.

No attempt is lost or doubled, no attempt breaks the subject twice, nothing is left behind, the campaign completes.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import kmock
import pytest

from tests.emulator.apiserver import ApiServer
from tests.emulator.crash.mortal import Orders, forks, live
from tests.emulator.stage import Stage
from tests.support.lasting import LastingWorld
from tests.support.points import APPLIED, ENDED, POINTS
from tests.support.waiting import eventually

UNTOUCHED = ["locked", "phase Running"]
"""Killed here, no attempt had begun."""

SETTLED = [ENDED, "phase Complete"]
"""Killed here, the attempt had its outcome."""


class MortalStage(Stage):
    """A stage whose controllers are processes."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        super().__init__(api, folder)
        self.world = LastingWorld(folder / "world.json")
        self._orders = {"settings": self.settings, "world": folder / "world.json"}
        self._alive: list[ForkServerProcess] = []

    async def run_until(self, over: Callable[[], bool] | None = None, **orders: object) -> int | None:
        """Run a controller until it dies, or until something is so and it is told to stop; its exit status."""
        process = forks().Process(target=live, args=(Orders(**self._orders, **orders),))
        process.start()
        self._alive.append(process)
        await eventually(lambda: process.exitcode is not None or (over is not None and over()))
        if process.exitcode is None:
            process.terminate()
        await asyncio.to_thread(process.join)
        return process.exitcode

    def kill(self) -> None:
        """Whatever still runs."""
        for process in self._alive:
            if process.exitcode is None:
                process.kill()
            process.join()
            process.close()


@asynccontextmanager
async def mortal_stage(folder: Path) -> AsyncIterator[MortalStage]:
    async with ApiServer() as api, kmock.Server(api):
        stage = MortalStage(api, folder)
        try:
            yield stage
        finally:
            stage.kill()
            await api.close_watches()


@pytest.mark.parametrize("point", POINTS)
async def test_killed_and_started_again_it_completes_and_leaves_nothing(point: str, tmp_path: Path) -> None:
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply()
        assert await stage.run_until(die=point) == -signal.SIGKILL
        assert await stage.run_until(lambda: stage.status(key).get("phase") == "Complete") == 0

        again = point not in UNTOUCHED + SETTLED
        first = [(1, 1, "Interrupted")] if again else []
        assert stage.outcomes(key) == [*first, (1, 1 + len(first), "SelfHealed")]
        deeds = stage.world.read()["deeds"]
        broken = 2 if again and POINTS.index(point) >= POINTS.index(APPLIED) else 1
        assert deeds.count("inject") == broken
        assert stage.world.read()["down"] is None and deeds[-1] == "cleanup"
        assert stage.locks() == []
        assert stage.status(key)["summary"]["done"] == 1


async def test_killed_with_a_fault_in_place_and_deleted_meanwhile_it_is_undone_at_the_start(tmp_path: Path) -> None:
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply()
        assert await stage.run_until(die="step observe", stays_down=True) == -signal.SIGKILL
        assert stage.world.read()["down"] is not None
        stage.delete(key)
        assert await stage.run_until(lambda: not stage.exists(key)) == 0
        assert stage.outcomes(key) == [(1, 1, "Aborted")]
        assert stage.world.read()["down"] is None
        assert stage.locks() == [] and stage.row(key).deleted_at is not None


@pytest.mark.parametrize(
    ("asked", "phase", "outcome"),
    [({"abort": True}, "Aborted", "Aborted"), ({"suspend": True}, "Suspended", "Interrupted")],
)
async def test_killed_with_a_fault_in_place_and_told_to_end_meanwhile_it_is_undone_first(
    asked: dict[str, bool], phase: str, outcome: str, tmp_path: Path
) -> None:
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply()
        assert await stage.run_until(die="step observe", stays_down=True) == -signal.SIGKILL
        stage.change(key, **asked)
        assert await stage.run_until(lambda: stage.status(key).get("phase") == phase) == 0
        assert stage.outcomes(key) == [(1, 1, outcome)]
        assert stage.world.read()["down"] is None and stage.locks() == []


async def test_told_to_stop_by_sigterm_it_undoes_the_fault_and_exits_with_0(tmp_path: Path) -> None:
    async with mortal_stage(tmp_path) as stage:
        key = stage.apply(observeSeconds=60)
        assert await stage.run_until(lambda: stage.world.read()["down"] is not None, stays_down=True) == 0
        assert stage.outcomes(key) == [(1, 1, "Interrupted")]
        assert stage.world.read()["down"] is None
