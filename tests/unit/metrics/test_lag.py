"""The event loop's lag is what a sleeper waited beyond what it asked for."""

from __future__ import annotations

import asyncio

from controller.metrics.collectors import SAMPLE_SECONDS, sampling_lag
from controller.metrics.prometheus import Metrics
from tests.support.scraping import Scrape
from tests.support.virtual import VirtualLoop, run_virtually


def test_it_is_sampled_as_long_as_the_block_lasts_and_whoever_holds_the_loop_up_shows() -> None:
    metrics = Metrics()

    def counted() -> tuple[float, ...]:
        seen = Scrape.of(metrics.registry)
        return seen.value("event_loop_lag_seconds_count"), seen.value("event_loop_lag_seconds_sum")

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        async with sampling_lag(metrics):
            await asyncio.sleep(SAMPLE_SECONDS * 4.5)
            assert counted() == (4, 0)
            loop.hold_up(3)
            await asyncio.sleep(SAMPLE_SECONDS / 2)
            assert counted() == (5, 3 - SAMPLE_SECONDS / 2)
        await asyncio.sleep(SAMPLE_SECONDS * 10)
        assert counted()[0] == 5

    run_virtually(watch())
