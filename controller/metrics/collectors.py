"""Reads gauges at each scrape (recorded campaigns, disk), and samples the lag of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controller.api import Phase
from controller.meter import Meter
from controller.records.database import reading, sqlite_path
from controller.records.errors import RecordsError
from controller.records.queries import count_by_phase
from controller.records.quota import free_bytes, used_bytes

OTHER = "other"
"""The label of subject types that are not installed now; campaigns of them may be on record."""


class RecordedCampaigns(Collector):
    """Reads the records at this database URL at each scrape; blocks meanwhile. `subjects` are the installed types.

    Where they cannot be read, `evalcampaign_records_readable` is 0 and the other gauges are absent, because an old
    number would look like a current one.
    """

    def __init__(self, url: str, subjects: Collection[str]) -> None:
        self._url = url
        self._subjects = subjects

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with reading(self._url) as connection:
                counted = count_by_phase(connection)
        except RecordsError:
            yield _readable(0)
            return
        yield _readable(1)
        yield _campaigns(counted)
        yield self._queues(counted)

    def _queues(self, counted: Mapping[tuple[str, Phase], int]) -> GaugeMetricFamily:
        waiting = dict.fromkeys([*self._subjects, OTHER], 0)
        for (subject, phase), number in counted.items():
            if phase is Phase.QUEUED:
                waiting[subject if subject in waiting else OTHER] += number
        meaning = "Campaigns that wait for their turn on their subject, by its type."
        family = GaugeMetricFamily("evalcampaign_queue_length", meaning, labels=["subject"])
        for subject, number in waiting.items():
            family.add_metric([subject], number)
        return family


def _campaigns(counted: Mapping[tuple[str, Phase], int]) -> GaugeMetricFamily:
    meaning = "Campaigns whose object is there, by phase."
    family = GaugeMetricFamily("evalcampaign_campaigns", meaning, labels=["phase"])
    for phase in Phase:
        family.add_metric([phase], sum(number for (_, its), number in counted.items() if its is phase))
    return family


def _readable(value: int) -> GaugeMetricFamily:
    meaning = "1 where the records could be read for this very answer, else 0."
    return GaugeMetricFamily("evalcampaign_records_readable", meaning, value=value)


class RecordsDisk(Collector):
    """Reads how large the database at this URL is. The gauges are absent where it is not a file on this machine."""

    def __init__(self, url: str) -> None:
        self._path = sqlite_path(url)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self._path is None:
            return
        used = "Bytes of the records' database, with what is not folded into it yet."
        yield GaugeMetricFamily("evalcampaign_records_bytes", used, value=used_bytes(self._path))
        if (free := free_bytes(self._path)) is not None:
            left = "Bytes that are free on the disk of the records."
            yield GaugeMetricFamily("evalcampaign_records_free_bytes", left, value=free)


SAMPLE_SECONDS = 0.25


@asynccontextmanager
async def sampling_lag(meter: Meter) -> AsyncIterator[None]:
    """Measures, for as long as the block lasts, how much later than asked the event loop wakes a sleeping task."""
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
