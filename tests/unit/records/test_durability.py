"""What a killed controller leaves behind."""

from __future__ import annotations

import subprocess
import sys

from controller.records import Records
from tests.unit.records.samples import at

WRITER = """
import asyncio, sys
from controller.api import Outcome, Step
from controller.records import Records
from tests.unit.records.samples import at, spec

async def main():
    records = await Records.open(sys.argv[1])
    await records.ensure_campaign("uid-1", "default", "demo", spec(trials=10_000), at(0))
    for trial in range(1, 10_000):
        row = await records.open_attempt("uid-1", trial, 7, at(trial))
        print("opened", trial, flush=True)
        await records.update(row.id, at=at(trial), step=Step.OBSERVE, chaos_injected_at=at(trial))
        await records.end_attempt(row.id, Outcome.NOT_HEALED, at=at(trial))
        print("ended", trial, flush=True)

asyncio.run(main())
"""


def write_until_killed(url: str) -> list[list[str]]:
    """What a writer said that was killed while it was writing."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer:
        said = [writer.stdout.readline().split() for _ in range(41)]
        writer.kill()
        return said + [line.split() for line in writer.stdout]


async def test_what_was_committed_survives_sigkill(url: str) -> None:
    said = write_until_killed(url)
    assert len(said) >= 41 and all(len(line) == 2 for line in said)
    opened = max(int(trial) for word, trial in said if word == "opened")
    ended = max(int(trial) for word, trial in said if word == "ended")

    records = await Records.open(url)  # and the dead one's lock is gone
    tally = await records.tally("uid-1")
    assert tally.done >= ended
    assert tally.next_trial == tally.done + 1
    left = await records.unfinished("uid-1")
    assert tally.done + len(left) >= opened
    if not left:
        left = [await records.open_attempt("uid-1", tally.next_trial, 7, at(0))]
    await records.close()
    assert left[0].trial == tally.next_trial
