"""A stage whose controllers are processes, which can be killed, stopped and kept short of things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import kmock

from tests.emulator.apiserver import ApiServer
from tests.emulator.crash.mortal import Orders, forks, live
from tests.emulator.stage import Stage
from tests.support.lasting import LastingWorld
from tests.support.waiting import eventually


class MortalStage(Stage):
    """`world` is the subject; it outlives them."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        super().__init__(api, folder)
        self.world = LastingWorld(folder / "world.json")
        self._orders: dict[str, Any] = {"settings": self.settings, "world": folder / "world.json"}
        self._alive: list[ForkServerProcess] = []

    @property
    def pid(self) -> int:
        """The process id of the newest controller."""
        assert self._alive and self._alive[-1].pid is not None, "none was started"
        return self._alive[-1].pid

    async def run_until(self, over: Callable[[], bool] | None = None, **orders: Any) -> int | None:
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
