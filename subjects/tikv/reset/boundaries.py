"""Where regions begin: learned before a cluster is emptied, split again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from subjects.tikv.members.pd import Pd, PdUnavailable
from subjects.tikv.members.schemas import Regions

SPLIT = "/pd/api/v1/regions/split"

SPLIT_TIMEOUT_SECONDS = 15.0
"""PD answers a split when it is done, or after its own repetitions."""

KEYS_AT_ONCE = 50

PATIENCE = 20
"""Periods to wait for a PD that does not answer. It may be beyond repair, and a new beginning is meant to mend that."""


def of(regions: Regions) -> tuple[str, ...]:
    """The first key of every region (hex) but of the first, which has none."""
    return tuple(sorted({region.start_key.upper() for region in regions.by_id()} - {""}))


async def learn(pd: Pd, period: float) -> tuple[str, ...] | None:
    """The boundaries there are; None where PD does not tell for `PATIENCE` times `period` seconds."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE * period
    while True:
        with suppress(PdUnavailable):
            return of(await pd.regions())
        if clock() > deadline:
            return None
        await asyncio.sleep(period)


async def split(pd: Pd, keys: Sequence[str], period: float) -> None:
    """Return when regions begin at all these keys. PdRefused where PD does not take them."""
    while True:
        with suppress(PdUnavailable):
            there = set(of(await pd.regions()))
            if not (missing := [key for key in keys if key not in there]):
                return
            order = {"split_keys": missing[:KEYS_AT_ONCE], "retry_limit": 3}
            await pd.post(SPLIT, order, timeout=SPLIT_TIMEOUT_SECONDS)
        await asyncio.sleep(period)
