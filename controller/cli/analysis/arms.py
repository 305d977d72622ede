"""Reads campaigns and their trials from the records, and selects those that can be compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.progress import Progress

from controller.analysis.comparison import differing
from controller.analysis.conclusion import in_turns
from controller.analysis.errors import CampaignMissing
from controller.analysis.loading import ended, load, of_attempts
from controller.analysis.trial import Arm, Trial, controls_of
from controller.api import Mode, Phase
from controller.cli.records_source import records
from controller.cli.tables import PrintableConsole
from controller.reading.protocol import AttemptTimeline
from controller.records.database import reading
from controller.records.rows import CampaignRow

PROGRESS_DELAY_SECONDS = 1.0
"""Seconds before a progress bar appears. Shorter work shows none."""


class ArmRecords:
    """Reads campaigns as arms, from the database `db`, or else from the controller in the cluster.

    Every method raises RecordsError, and NotThere where a campaign is missing.
    """

    def __init__(self, db: str | None, context: str | None) -> None:
        self._db, self._context = db, context

    def arm(self, reference: str) -> Arm:
        """Returns the campaign with this name, `namespace/name` or uid.

        Where several have the name, returns the newest and prints the uids of the others to stderr.
        """
        with records(self._db, self._context) as reader:
            found = reader.find(reference)
        if found.others:
            uids = ", ".join(other.uid for other in found.others)
            _print_to_stderr(
                f"{len(found.others) + 1} campaigns go by {reference}; this is the newest. The others have uid {uids}."
            )
        return self._load(found.campaign)

    def baseline_of(self, campaign: CampaignRow, force: bool) -> Arm:
        """Returns the baseline with the same comparison hash, and prints which it is. Its partner in turns comes first.

        With `force`, a baseline of the same subject and chaos is enough.
        """
        if campaign.mode is Mode.BASELINE:
            raise CampaignMissing(f"{_name(campaign)} is a baseline itself; `compare` compares two campaigns by name")
        baselines = [
            row
            for row in self._campaigns()
            if (row.mode, row.subject, row.chaos) == (Mode.BASELINE, campaign.subject, campaign.chaos)
        ]
        comparable = [row for row in baselines if row.comparison_hash == campaign.comparison_hash]
        candidates = comparable or (baselines if force else [])
        if not candidates:
            nearest = (
                f": {_name(baselines[0])} differs in {', '.join(differing(campaign, baselines[0]))}"
                if baselines
                else ""
            )
            raise CampaignMissing(
                f"No baseline is recorded that asked the same as {_name(campaign)}{nearest}. "
                "Apply its spec with `mode: baseline`, or --force takes one of the same subject and chaos"
            )
        chosen = _best([row for row in candidates if in_turns(row, campaign)] or candidates)
        others = f", chosen of {len(candidates)}" if len(candidates) > 1 else ""
        _print_to_stderr(f"The baseline is {_name(chosen)} (uid {chosen.uid}, {chosen.phase}{others}).")
        return self._load(chosen)

    def variants(self, subject: str, chaos: str) -> list[Arm]:
        """Returns one arm for each variant, sorted by name.

        Only campaigns with the comparison hash of the newest campaign with an agent are taken.
        """
        with_agent = [
            row for row in self._campaigns() if (row.mode, row.subject, row.chaos) == (Mode.AGENT, subject, chaos)
        ]
        comparable = [row for row in with_agent if row.comparison_hash == with_agent[0].comparison_hash]
        for row in with_agent:
            if row not in comparable:
                _print_to_stderr(
                    f"Left out: {_name(row)}, which differs in {', '.join(differing(with_agent[0], row))}."
                )
        by_variant: dict[str, list[CampaignRow]] = {}
        for row in comparable:
            by_variant.setdefault(row.variant or _name(row), []).append(row)
        if len(by_variant) < 2:
            known = f" (there is {', '.join(by_variant)})" if by_variant else ""
            raise CampaignMissing(f"It takes campaigns of two variants of agents with {chaos} on {subject}{known}")
        chosen = {variant: _best(rows) for variant, rows in sorted(by_variant.items())}
        for variant, row in chosen.items():
            others = f", chosen of {len(by_variant[variant])}" if len(by_variant[variant]) > 1 else ""
            _print_to_stderr(f"{variant} is {_name(row)} (uid {row.uid}, {row.phase}{others}).")
        return [self._load(row, variant) for variant, row in chosen.items()]

    def attempts(self, campaign: CampaignRow) -> Iterator[AttemptTimeline]:
        """Yields the campaign's attempts with their states, logs and events. Only a few are in memory at a time."""
        with records(self._db, self._context) as reader:
            yield from reader.whole_attempts(campaign)

    def _campaigns(self, min_scored: int = 0) -> list[CampaignRow]:
        """Returns the campaigns with at least `min_scored` scored trials, the newest first."""
        with records(self._db, self._context) as reader:
            return [counted.campaign for counted in reader.campaigns() if counted.scored >= min_scored]

    def _load(self, campaign: CampaignRow, name: str | None = None) -> Arm:
        controls = controls_of(campaign, self._campaigns(min_scored=1)) if campaign.mode is Mode.AGENT else None
        return Arm(name or _name(campaign), campaign, self._trials(campaign), controls)

    def _trials(self, campaign: CampaignRow) -> list[Trial]:
        """Reads trials from a database in one query, or from the controller without the attempts' states and logs."""
        if self._db:
            with reading(self._db) as connection, _bar(ended(connection, campaign)) as advance:
                return load(connection, campaign, advance)
        with records(self._db, self._context) as reader:
            return of_attempts(reader.attempts(campaign))


def _best(campaigns: Sequence[CampaignRow]) -> CampaignRow:
    """Returns the newest complete campaign, or else the newest one. The campaigns are sorted newest first."""
    return next((row for row in campaigns if row.phase is Phase.COMPLETE), campaigns[0])


def _name(campaign: CampaignRow) -> str:
    return campaign.qualified_name


def _print_to_stderr(sentence: str) -> None:
    typer.echo(sentence, err=True)


@contextmanager
def _bar(total: int | None) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar on stderr, if that is a terminal, after PROGRESS_DELAY_SECONDS. Removes it at the end."""
    console = PrintableConsole(stderr=True)
    progress = Progress(console=console, transient=True, disable=not console.is_terminal)
    task, started = progress.add_task("Reading trials", total=total), time.monotonic()

    def advance(more: int) -> None:
        progress.advance(task, more)
        if time.monotonic() - started > PROGRESS_DELAY_SECONDS:
            progress.start()

    try:
        yield advance
    finally:
        progress.stop()
