"""Campaigns and their trials from the records, and which of them belong together."""

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
from controller.cli.source import records
from controller.cli.tables import PrintableConsole
from controller.reading.protocol import AttemptTimeline
from controller.records.database import reading
from controller.records.rows import CampaignRow

PATIENCE = 1.0
"""Seconds before a bar appears: what is done sooner needs none."""


class RecordedArms:
    """What the commands here ask of the records: of the database `db`, else of the controller in the cluster.

    All raise RecordsError; what is missing is NotThere.
    """

    def __init__(self, db: str | None, context: str | None) -> None:
        self._db, self._context = db, context

    def arm(self, reference: str) -> Arm:
        """The campaign of this name, `namespace/name` or uid; of several, the newest, which is said on stderr."""
        with records(self._db, self._context) as reader:
            found = reader.find(reference)
        if found.others:
            uids = ", ".join(other.uid for other in found.others)
            _say(
                f"{len(found.others) + 1} campaigns go by {reference}; this is the newest. The others have uid {uids}."
            )
        return self._loaded(found.campaign)

    def baseline_of(self, campaign: CampaignRow, force: bool) -> Arm:
        """The baseline that asked the same, its other arm before all others. Says which it is.

        Where `force`, any of the same subject and chaos will do.
        """
        if campaign.mode is Mode.BASELINE:
            raise CampaignMissing(f"{_name(campaign)} is a baseline itself; `compare` compares two campaigns by name")
        same = [
            row
            for row in self._campaigns()
            if (row.mode, row.subject, row.chaos) == (Mode.BASELINE, campaign.subject, campaign.chaos)
        ]
        fit = [row for row in same if row.comparison_hash == campaign.comparison_hash] or (same if force else [])
        if not fit:
            near = f": {_name(same[0])} differs in {', '.join(differing(campaign, same[0]))}" if same else ""
            raise CampaignMissing(
                f"No baseline is recorded that asked the same as {_name(campaign)}{near}. "
                "Apply its spec with `mode: baseline`, or --force takes one of the same subject and chaos"
            )
        chosen = _best([row for row in fit if in_turns(row, campaign)] or fit)
        others = f", chosen of {len(fit)}" if len(fit) > 1 else ""
        _say(f"The baseline is {_name(chosen)} (uid {chosen.uid}, {chosen.phase}{others}).")
        return self._loaded(chosen)

    def variants(self, subject: str, chaos: str) -> list[Arm]:
        """An arm a variant, by name: of the campaigns that asked the same as the newest one with an agent."""
        tried = [row for row in self._campaigns() if (row.mode, row.subject, row.chaos) == (Mode.AGENT, subject, chaos)]
        same = [row for row in tried if row.comparison_hash == tried[0].comparison_hash]
        for row in tried:
            if row not in same:
                _say(f"Left out: {_name(row)}, which differs in {', '.join(differing(tried[0], row))}.")
        by_variant: dict[str, list[CampaignRow]] = {}
        for row in same:
            by_variant.setdefault(row.variant or _name(row), []).append(row)
        if len(by_variant) < 2:
            known = f" (there is {', '.join(by_variant)})" if by_variant else ""
            raise CampaignMissing(f"It takes campaigns of two variants of agents with {chaos} on {subject}{known}")
        chosen = {variant: _best(rows) for variant, rows in sorted(by_variant.items())}
        for variant, row in chosen.items():
            others = f", chosen of {len(by_variant[variant])}" if len(by_variant[variant]) > 1 else ""
            _say(f"{variant} is {_name(row)} (uid {row.uid}, {row.phase}{others}).")
        return [self._loaded(row, variant) for variant, row in chosen.items()]

    def attempts(self, campaign: CampaignRow) -> Iterator[AttemptTimeline]:
        """Its attempts, whole, with what happened in them; a few at a time are in memory."""
        with records(self._db, self._context) as reader:
            yield from reader.whole_attempts(campaign)

    def _campaigns(self, least: int = 0) -> list[CampaignRow]:
        """The newest first; those with at least so many scored trials."""
        with records(self._db, self._context) as reader:
            return [counted.campaign for counted in reader.campaigns() if counted.scored >= least]

    def _loaded(self, campaign: CampaignRow, name: str | None = None) -> Arm:
        controls = controls_of(campaign, self._campaigns(least=1)) if campaign.mode is Mode.AGENT else None
        return Arm(name or _name(campaign), campaign, self._trials(campaign), controls)

    def _trials(self, campaign: CampaignRow) -> list[Trial]:
        """From the database in one query; from afar without the attempts' states and logs, of which nothing is used."""
        if self._db:
            with reading(self._db) as connection, _bar(ended(connection, campaign)) as seen:
                return load(connection, campaign, seen)
        with records(self._db, self._context) as reader:
            return of_attempts(reader.attempts(campaign))


def _best(campaigns: Sequence[CampaignRow]) -> CampaignRow:
    """The newest that is complete, else the newest; they come newest first."""
    return next((row for row in campaigns if row.phase is Phase.COMPLETE), campaigns[0])


def _name(campaign: CampaignRow) -> str:
    return campaign.qualified_name


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)


@contextmanager
def _bar(total: int | None) -> Iterator[Callable[[int], None]]:
    """On stderr, where that is a terminal, once it has taken a while; gone when it is done."""
    console = PrintableConsole(stderr=True)
    progress = Progress(console=console, transient=True, disable=not console.is_terminal)
    task, begun = progress.add_task("Reading trials", total=total), time.monotonic()

    def seen(more: int) -> None:
        progress.advance(task, more)
        if time.monotonic() - begun > PATIENCE:
            progress.start()

    try:
        yield seen
    finally:
        progress.stop()
