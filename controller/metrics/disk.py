"""Where the records lie, how much room there is: looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controller.records.database import sqlite_path
from controller.records.quota import free_bytes, used_bytes


class RecordsDisk(Collector):
    """Of the database at this URL; of one that is no file here nothing is known, and the gauges are absent."""

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
