"""Reads the records from their database: in the controller's own pod, or from a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from controller.reading.protocol import AttemptTimeline, CampaignCounts
from controller.records import queries
from controller.records.database import backup, reading
from controller.records.queries import CampaignMatch
from controller.records.rows import AttemptSummary, CampaignRow

AT_ONCE = 20
"""How many attempts one transaction reads: the states of each may have a hundred kilobytes."""


class DatabaseReader:
    """Implements `RecordsReader` on a database URL. No connection stays open between calls, so any thread may call."""

    def __init__(self, url: str) -> None:
        self._url = url

    def campaigns(self) -> list[CampaignCounts]:
        """See `RecordsReader`."""
        with reading(self._url) as connection:
            return [CampaignCounts.of(row, tally) for row, tally in queries.list_campaigns(connection)]

    def named(self, reference: str) -> list[CampaignCounts]:
        """Returns all campaigns that `find` would choose from, with their counts, newest first."""
        with reading(self._url) as connection:
            found = queries.find_campaign(connection, reference)
            counted = queries.count(connection, (found.campaign, *found.others))
        return [CampaignCounts.of(row, tally) for row, tally in counted]

    def find(self, reference: str) -> CampaignMatch:
        """See `RecordsReader`."""
        with reading(self._url) as connection:
            return queries.find_campaign(connection, reference)

    def attempts(self, campaign: CampaignRow) -> list[AttemptSummary]:
        """See `RecordsReader`."""
        with reading(self._url) as connection:
            return queries.list_attempts(connection, campaign.uid)

    def attempt(self, campaign: CampaignRow, trial: int, attempt: int | None = None) -> AttemptTimeline:
        """See `RecordsReader`."""
        with reading(self._url) as connection:
            row = queries.get_attempt(connection, campaign, trial, attempt)
            return AttemptTimeline(row, tuple(queries.list_events(connection, row.id)))

    def whole_attempts(self, campaign: CampaignRow) -> Iterator[AttemptTimeline]:
        """See `RecordsReader`."""
        last = (0, 0)
        while True:
            # A transaction for each batch: one that stays open while somebody reads would let the WAL grow.
            with reading(self._url) as connection:
                found = queries.list_whole_attempts(connection, campaign.uid, last, AT_ONCE)
            yield from (AttemptTimeline(row, tuple(events)) for row, events in found)
            if len(found) < AT_ONCE:
                return
            last = (found[-1][0].trial, found[-1][0].attempt)

    def backup(self, destination: Path) -> None:
        """See `RecordsReader`."""
        backup(self._url, destination)
