"""The commands that print and export records: `list`, `trials`, `show`, `export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Campaign, Context, Database, Format, OutputFormat, exit_on_error, opened


def list_(db: Database = None, context: Context = None, output: Format = OutputFormat.TABLE) -> None:
    """List the campaigns that are recorded, the newest first.

    \b
    evalcampaign list
    evalcampaign list --db sqlite:///records.db --output json
    """
    with exit_on_error():
        from controller.cli.records_source import records
        from controller.cli.results import printing
        from controller.reading import serialization

        with records(db, context) as reader:
            rows = reader.campaigns()
        if output is OutputFormat.JSON:
            print(serialization.dumps([serialization.campaign_to_json(row) for row in rows], indent=2))
        else:
            printing.print_campaigns(rows)


def trials(
    campaign: Campaign, db: Database = None, context: Context = None, output: Format = OutputFormat.TABLE
) -> None:
    """List the attempts of a campaign's trials: outcome, target, and when it showed, was found, and healed.

    \b
    evalcampaign trials tikv-node-kill
    evalcampaign trials team-a/tikv-node-kill --output json
    """
    with exit_on_error():
        from controller.cli.records_source import records
        from controller.cli.results import printing
        from controller.reading import serialization

        with records(db, context) as reader:
            found = reader.find(campaign)
            rows = reader.attempts(found.campaign)
        mention(found.others, f"showing the newest, {found.campaign.qualified_name}")
        if output is OutputFormat.JSON:
            print(serialization.dumps([serialization.attempt_to_json(row) for row in rows], indent=2))
        else:
            printing.print_attempts(found.campaign, rows)


def show(
    campaign: Campaign,
    trial: Annotated[int, typer.Option("--trial", "-t", min=1, help="Which trial, from 1.")],
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt of it; the last one by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print both states whole, not only what changed.")] = False,
    db: Database = None,
    context: Context = None,
    output: Format = OutputFormat.TABLE,
) -> None:
    """Show one attempt: what was broken, what was observed when, and what changed.

    \b
    evalcampaign show tikv-node-kill --trial 2
    """
    with exit_on_error():
        from controller.cli.records_source import records
        from controller.cli.results import printing
        from controller.reading import serialization

        with records(db, context) as reader:
            found = reader.find(campaign)
            timeline = reader.attempt(found.campaign, trial, attempt)
        mention(found.others, f"showing the newest, {found.campaign.qualified_name}")
        if output is OutputFormat.JSON:
            print(serialization.dumps(serialization.timeline_to_json(found.campaign, timeline), indent=2))
        else:
            printing.print_details(found.campaign, timeline.attempt, timeline.events, full)


class ExportFormat(StrEnum):
    """How attempts are exported."""

    JSON = "json"
    CSV = "csv"
    JUNIT = "junit"


def export(
    campaign: Campaign,
    format: Annotated[
        ExportFormat, typer.Option(help="json: attempts whole; csv: a row each; junit: a test a trial.")
    ] = ExportFormat.JSON,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
    db: Database = None,
    context: Context = None,
) -> None:
    """Write every attempt of a campaign, as JSON or CSV (columns: docs/cli.md), or its trials as tests for CI.

    \b
    evalcampaign export tikv-node-kill --format csv -o trials.csv
    evalcampaign export tikv-node-kill --format junit -o junit.xml
    """
    with exit_on_error():
        from controller.cli.records_source import records
        from controller.cli.results import exporting

        write = {
            ExportFormat.JSON: exporting.write_json,
            ExportFormat.CSV: exporting.write_csv,
            ExportFormat.JUNIT: exporting.write_junit,
        }[format]
        with records(db, context) as reader:
            found = reader.find(campaign)
            mention(found.others, f"exporting the newest, {found.campaign.qualified_name}")
            with opened(output) as to:
                write(found.campaign, reader.whole_attempts(found.campaign), to)


def mention(others: tuple[object, ...], shown: str) -> None:
    """Prints to stderr that the name is ambiguous. stdout is for the result only."""
    if others:
        uids = ", ".join(str(getattr(other, "uid", other)) for other in others)
        typer.echo(f"{len(others) + 1} campaigns go by this name; {shown}. The others have uid {uids}.", err=True)
