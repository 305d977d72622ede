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
    """A campaign and what came of it so far. `scored` is the n of every rate; medians are in seconds, and None where
    nothing is scored or the median is censored (longer than the observation).
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
        """From the attempts, counted."""
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
    """An attempt, whole, with what happened in it."""

    attempt: AttemptRow
    events: tuple[Event, ...]


class RecordsReader(Protocol):
    """The records. Every method raises RecordsError (or a subclass) with a sentence.

    Each call sees one moment of the records; between two calls a controller may have written more.
    """

    def campaigns(self) -> list[CampaignCounts]:
        """All campaigns, the newest first; deleted ones are there too."""
        ...

    def find(self, reference: str) -> CampaignMatch:
        """The campaign with this uid, `namespace/name` or name; of several, the one created last. Else NotRecorded."""
        ...

    def attempts(self, campaign: CampaignRow) -> list[AttemptSummary]:
        """Its attempts without their states, by trial and attempt."""
        ...

    def attempt(self, campaign: CampaignRow, trial: int, attempt: int | None = None) -> AttemptTimeline:
        """One attempt, whole; the trial's last one where `attempt` is None. Else NotRecorded."""
        ...

    def whole_attempts(self, campaign: CampaignRow) -> Iterator[AttemptTimeline]:
        """All its attempts, whole, by trial and attempt; a few at a time are in memory."""
        ...

    def backup(self, destination: Path) -> None:
        """Copy the whole database to this file, check it, and only then let it take the file's place."""
        ...
