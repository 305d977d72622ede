"""`python -m tests.crash`: needs the programs that `python -m cluster tools --group tests` builds."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.crash.counting import Count, count
from tests.crash.ground import Ground, laid
from tests.crash.killing import Kill, Survived, carry_out
from tests.crash.plan import every_point, plan
from tests.crash.table import legend, table

TABLE_WIDTH = 90
"""Columns of a terminal that the table takes; in a log there is room for more than a narrow terminal has."""

LOST = Count(lost=0, doubled=0, faults=0, astray=0, left=0, incomplete=1, resumed=None)
"""A kill that did not come about says nothing good."""


def main(
    rounds: Annotated[int, typer.Option(help="How often each point is killed at, with each chaos.")] = 5,
    seed: int = 0,
    lanes: Annotated[int, typer.Option(help="How many API servers work at once.")] = 2,
    point: Annotated[list[str] | None, typer.Option(help="Only this point; may be given several times.")] = None,
) -> None:
    """Kill the controller at every point, count what is lost, doubled, left; exit status 1 if anything is."""
    if unknown := set(point or ()) - set(every_point()):
        raise typer.BadParameter(f"no such point: {', '.join(unknown)}; there are: {', '.join(every_point())}")
    console, begun = Console(), time.monotonic()
    console.width = max(console.width, TABLE_WIDTH)
    # Not a TemporaryDirectory: after a zero that is none, everything is needed.
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    counts = asyncio.run(_Run(console, folder, list(plan(rounds, seed, point or ()))).carry_out(lanes))
    console.print(table({name: counts[name] for name in every_point() if name in counts}))
    console.print(legend(), highlight=False, soft_wrap=True)
    clean = all(each.clean for of_point in counts.values() for each in of_point)
    console.print(
        f"{(time.monotonic() - begun) / 60:.1f} minutes; seed {seed}; records, notes and logs: {folder}", soft_wrap=True
    )
    raise typer.Exit(0 if clean else 1)


class _Run:
    def __init__(self, console: Console, folder: Path, kills: Sequence[Kill]) -> None:
        self._folder = folder
        self._kills = list(reversed(kills))
        self._counts: defaultdict[str, list[Count]] = defaultdict(list)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console)
        self._task = self._progress.add_task("laying the ground", total=len(kills))

    async def carry_out(self, lanes: int) -> dict[str, list[Count]]:
        with self._progress:
            async with asyncio.TaskGroup() as working:
                for lane in range(lanes):
                    folder = self._folder / f"lane-{lane}"
                    await asyncio.to_thread(folder.mkdir)
                    working.create_task(self._work(folder))
        return self._counts

    async def _work(self, folder: Path) -> None:
        async with laid(folder) as ground:
            while self._kills:
                await self._one(self._kills.pop(), ground)

    async def _one(self, kill: Kill, ground: Ground) -> None:
        what = f"{kill.chaos}, {kill.death.point}, kill {kill.number}"
        self._progress.update(self._task, description=what)
        try:
            counted = count(await carry_out(kill, ground))
        except Survived as survived:
            self._progress.console.print(f"[bold red]{survived}")
            counted = LOST
        if not counted.clean:
            self._progress.console.print(f"[bold red]{what}: {counted}")
        elif not self._progress.console.is_terminal:
            self._progress.console.print(f"{what}: clean", highlight=False)
        self._counts[kill.death.point].append(counted)
        self._progress.advance(self._task)


if __name__ == "__main__":
    typer.run(main)
