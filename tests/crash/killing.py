"""One campaign whose controller is killed once, started again, and let run to the end; and what was seen of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from controller.records import queries
from controller.records.database import reading
from controller.settings import Settings
from tests.crash.counting import Evidence
from tests.crash.ground import SUBJECT, Ground
from tests.crash.mortal import Death, Orders, forks, live, read_notes

PATIENCE = 180.0
"""Seconds in which a controller must come to its death, or a campaign to its end."""

TRIALS = 2
"""Enough for a kill after a trial that has its outcome, which must stay as it is."""

WINDOWS = {"node_kill": 20, "node_down": 1}
"""`observeSeconds`. Nobody mends a member that is down, so there the window is waited out."""


class Survived(Exception):
    """The controller did not come to the point at which it was to be killed."""


@dataclass(frozen=True)
class Kill:
    """Which chaos, where the controller dies, the number that keeps this one apart from others, and how many trials."""

    chaos: str
    death: Death
    number: int
    trials: int = TRIALS


async def carry_out(kill: Kill, ground: Ground) -> Evidence:
    """Kill, start again, wait for the end, and look. Raises Survived where nothing was killed."""
    folder = ground.folder / f"kill-{kill.number}"
    await asyncio.to_thread(folder.mkdir)
    ground.keeper.touched.clear()
    uid = await ground.apply(folder.name, _spec(kill))
    try:
        return await _see(kill, ground, folder, uid)
    finally:
        await ground.forget(folder.name)  # or the controllers to come would take it up, with records of their own


async def _see(kill: Kill, ground: Ground, folder: Path, uid: str) -> Evidence:
    name, notes, audited = folder.name, folder / "notes", ground.audited()
    url = f"sqlite:///{folder}/records.db"
    settings = Settings(url, {"pause": "pause"}, 0, ground.kubeconfig)
    first = await _run(Orders(settings, notes, kill.chaos, kill.death))
    if first != -signal.SIGKILL:
        raise Survived(f"{name}: the controller ended with {first} and never came to {kill.death.point}")
    before, restarted = len(read_notes(notes)), time.time()

    async def complete() -> bool:
        return await ground.phase(name) == "Complete"

    last = await _run(Orders(settings, notes, kill.chaos), complete)
    noted = read_notes(notes)
    with reading(url) as connection:
        rows = queries.list_attempts(connection, uid)
        held = connection.exec_driver_sql("SELECT subject FROM subject_locks")
        locks = [f"the lock on {subject}" for (subject,) in held]
    return Evidence(
        chaos=kill.chaos,
        noted=[moment for _, moment in noted],
        rows=rows,
        mutations=ground.mutations(audited),
        touched=frozenset(ground.keeper.touched),
        left=[*await ground.keeper.trouble(), *locks],
        completed=await complete() and last == 0,
        resumed_seconds=noted[before][0] - restarted if len(noted) > before else None,
    )


def _spec(kill: Kill) -> dict[str, Any]:
    return {
        "subject": {"type": "etcd", "namespace": SUBJECT},
        "chaos": {"type": kill.chaos},
        "trials": kill.trials,
        "quietPeriod": {"minSeconds": 0, "maxSeconds": 0},
        "observeSeconds": WINDOWS[kill.chaos],
        "settleSeconds": 1,
        "maxBlindSeconds": 60,
        "seed": kill.number,
    }


async def _run(orders: Orders, over: Callable[[], Awaitable[bool]] | None = None) -> int | None:
    """Run a controller until it dies, or until it is over and it is told to stop; its exit status. None: neither."""
    process: ForkServerProcess = forks().Process(target=live, args=(orders,))
    process.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while process.exitcode is None and time.monotonic() < deadline:
            if over is not None and await over():
                process.terminate()
                await asyncio.to_thread(process.join, PATIENCE)
            await asyncio.sleep(0.02)
        return process.exitcode
    finally:
        process.kill()
        process.join()
        process.close()
