"""The interface that reads the records, from their database or over HTTP, and its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from controller.api import Outcome
from controller.records.queries import CampaignMatch
from controller.records.rows import AttemptRow, AttemptSummary, CampaignRow, Event, Tally
from controller.statistics import censored_median


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCounts:
    """A campaign and the counts of its attempts so far.

    `scored` is the n of every rate. Medians are in seconds, and None where nothing is scored or the median is censored
    (longer than the observation).
    """

    campaign: CampaignRow
    done: int
    scored: int
    recovered: int
    outcomes: Mapping[Outcome, int]
    median_time_to_recover: float | None
    median_time_to_detect: float | None
    median_time_to_resolve: float | None

    @classmethod
    def of(cls, campaign: CampaignRow, tally: Tally) -> Self:
        """Returns the campaign with the counts of this tally."""
        return cls(
            campaign=campaign,
            done=tally.done,
            scored=tally.scored,
            recovered=tally.recovered,
            outcomes=dict(tally.outcomes),
            median_time_to_recover=censored_median(tally.recovery_times),
            median_time_to_detect=censored_median(tally.detection_times),
            median_time_to_resolve=censored_median(tally.resolution_times),
        )


@dataclass(frozen=True, slots=True)
class AttemptTimeline:
    """An attempt with all its columns, and its events."""

    attempt: AttemptRow
    events: tuple[Event, ...]


class RecordsReader(Protocol):
    """Reads the records. Every method raises RecordsError (or a subclass) with a sentence.

    Each call reads one snapshot; between two calls a controller may have written more.
    """

    def campaigns(self) -> list[CampaignCounts]:
        """Returns all campaigns, newest first; deleted ones too."""
        ...

    def find(self, reference: str) -> CampaignMatch:
        """Returns the campaign with this uid, `namespace/name` or name; of several, the one created last.

        Raises NotRecorded where there is none.
        """
        ...

    def attempts(self, campaign: CampaignRow) -> list[AttemptSummary]:
        """Returns its attempts without the large columns, ordered by trial and attempt."""
        ...

    def attempt(self, campaign: CampaignRow, trial: int, attempt: int | None = None) -> AttemptTimeline:
        """Returns one attempt: the trial's last one where `attempt` is None. Raises NotRecorded where there is none."""
        ...

    def whole_attempts(self, campaign: CampaignRow) -> Iterator[AttemptTimeline]:
        """Yields all its attempts, ordered by trial and attempt. A few at a time are in memory."""
        ...

    def backup(self, destination: Path) -> None:
        """Copies the database, checks the copy, and then moves it to `destination`."""
        ...
