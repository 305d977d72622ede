"""The commands: options in, one function of another file called, exit status out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import evidence

DEFAULT_URL = "sqlite:////data/records.db"


class Output(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


app = typer.Typer(
    help="Read what evaluation campaigns found: does it heal by itself, and how fast? And free what they left locked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Campaign = Annotated[str, typer.Argument(help="Its name, namespace/name, or uid.")]
Database = Annotated[
    str, typer.Option("--db", envvar="EVALCAMPAIGN_DB", metavar="URL", help="The records, as a database URL.")
]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]


@app.command("list")
def list_(db: Database = DEFAULT_URL, output: Format = Output.TABLE) -> None:
    """List the campaigns, the newest first."""
    with _sentences():
        from controller.cli import as_json, listing
        from controller.records import queries
        from controller.records.readonly import reading

        with reading(db) as connection:
            rows = queries.list_campaigns(connection)
        if output is Output.JSON:
            as_json.write([as_json.campaign(row, tally) for row, tally in rows])
        else:
            listing.print_campaigns(rows)


@app.command()
def trials(campaign: Campaign, db: Database = DEFAULT_URL, output: Format = Output.TABLE) -> None:
    """List the attempts of a campaign's trials."""
    with _sentences():
        from controller.cli import as_json, listing
        from controller.records import queries
        from controller.records.readonly import reading

        with reading(db) as connection:
            found = queries.find_campaign(connection, campaign)
            rows = queries.list_attempts(connection, found.campaign.uid)
        _mention(found.others, f"showing the newest, {found.campaign.namespace}/{found.campaign.name}")
        if output is Output.JSON:
            as_json.write([as_json.attempt(row) for row in rows])
        else:
            listing.print_attempts(found.campaign, rows)


@app.command()
def show(
    campaign: Campaign,
    trial: Annotated[int, typer.Option("--trial", "-t", min=1, help="Which trial, from 1.")],
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt of it; the last one by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print both states whole, not only what changed.")] = False,
    db: Database = DEFAULT_URL,
    output: Format = Output.TABLE,
) -> None:
    """Tell the story of one attempt: what was broken, what was seen when, and what changed."""
    with _sentences():
        from controller.cli import as_json, story
        from controller.records import queries
        from controller.records.readonly import reading

        with reading(db) as connection:
            found = queries.find_campaign(connection, campaign)
            row = queries.get_attempt(connection, found.campaign, trial, attempt)
            events = queries.list_events(connection, row.id)
        _mention(found.others, f"showing the newest, {found.campaign.namespace}/{found.campaign.name}")
        if output is Output.JSON:
            as_json.write(as_json.story(found.campaign, row, events))
        else:
            story.print_story(found.campaign, row, events, full)


@app.command()
def backup(
    dest: Annotated[str, typer.Argument(help="A file, or - for standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Replace DEST if it exists.")] = False,
    db: Database = DEFAULT_URL,
) -> None:
    """Copy the records, whole, while a controller may be writing them. A plain copy of the file may lack rows."""
    with _sentences():
        from controller.cli import copying

        if dest == "-":
            copying.to_stdout(db)
        else:
            copying.to_file(db, Path(dest), force)


@app.command()
def unlock(
    subject: Annotated[str | None, typer.Argument(metavar="[TYPE/NAMESPACE]", help="Such as tikv/tikv.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Its holder instead: name, namespace/name, or uid.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even though the campaign has not ended.")] = False,
    db: Database = DEFAULT_URL,
) -> None:
    """Let go of a subject that stays locked because a fault could not be undone. Look at it first."""
    if (subject is None) == (campaign is None):
        raise typer.BadParameter("name a subject, such as tikv/tikv, or a --campaign")
    with _sentences():
        from controller.cli import unlocking

        unlocking.run(db, subject, campaign, yes, force)


@app.command()
def version() -> None:
    """Print this command's version and the schema of records it reads."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from controller.records.revisions import HEAD

    try:
        number = installed("evalcampaign")
    except PackageNotFoundError:
        number = "(not installed)"
    typer.echo(f"evalcampaign {number}, records schema {HEAD}")


evidence.register(app)


def _mention(others: tuple[object, ...], shown: str) -> None:
    """Say on stderr that the name was ambiguous; stdout belongs to the result."""
    if others:
        uids = ", ".join(str(getattr(other, "uid", other)) for other in others)
        typer.echo(f"{len(others) + 1} campaigns go by this name; {shown}. The others have uid {uids}.", err=True)


@contextmanager
def _sentences() -> Iterator[None]:
    """What the records cannot do is a sentence on stderr and exit status 1, not a traceback."""
    from controller.records.errors import RecordsError

    try:
        yield
    except RecordsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
