"""Is the event loop on time? Whatever holds it up shows in the times of every trial that runs meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller.meter import Meter

SAMPLE_SECONDS = 0.25


@asynccontextmanager
async def sampling_lag(meter: Meter) -> AsyncIterator[None]:
    """Ask to be woken again and again, and tell how much later it came, for as long as the block lasts."""
    sampling = asyncio.create_task(_sample(meter))
    try:
        yield
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)


async def _sample(meter: Meter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        meter.lagged(max(0.0, loop.time() - due))
