"""The commands that administer records and agents: `backup`, `unlock`, `forward`, `version`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.options import Context, Database, exit_on_error


def backup(
    dest: Annotated[str, typer.Argument(help="A file, or - for standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Replace DEST if it exists.")] = False,
    db: Database = None,
    context: Context = None,
) -> None:
    """Copy all records, also while a controller writes to them. A plain copy of the file may lack rows.

    \b
    evalcampaign backup records.db
    """
    with exit_on_error():
        from controller.cli.admin import maintenance
        from controller.cli.records_source import records

        with records(db, context) as reader:
            if dest == "-":
                maintenance.backup_to_stdout(reader)
            else:
                maintenance.backup_to_file(reader, Path(dest), force)


def unlock(
    subject: Annotated[
        str | None, typer.Argument(metavar="[WHAT]", help="tikv/tikv, or deployment/agents/NAME.")
    ] = None,
    campaign: Annotated[str | None, typer.Option(help="Its holder instead: name, namespace/name, or uid.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even though the campaign has not ended.")] = False,
    db: Database = None,
    context: Context = None,
) -> None:
    """Unlock a subject that stays locked because a fault could not be undone. Look at the subject first.

    This also frees an agent's Deployment whose campaign will never run again.

    Without a database the command runs in the controller's pod, which takes permission for `pods/exec` there.

    \b
    evalcampaign unlock tikv/tikv
    """
    if (subject is None) == (campaign is None):
        raise typer.BadParameter("name a subject, such as tikv/tikv, or a --campaign")
    with exit_on_error():
        if db:
            from controller.cli.admin import maintenance

            maintenance.unlock_subject(db, subject, campaign, yes, force)
        else:
            from controller.cli.cluster import controller

            words = [*([subject] if subject else ["--campaign", str(campaign)])]
            options = [*(["--yes"] if yes else []), *(["--force"] if force else [])]
            raise typer.Exit(controller.execute(context, ["evalcampaign", "unlock", *words, *options]))


def forward(
    db: Annotated[Path, typer.Option("--db", metavar="FILE", help="The agent's operator.db; it may not be there yet.")],
    to: Annotated[str, typer.Option(metavar="URL", help="Where the controller takes an agent's work.")],
    token_file: Annotated[Path, typer.Option(metavar="FILE", help="The campaign's token; it may come late.")],
    time_zone: Annotated[str, typer.Option(metavar="NAME", help="What times without a zone mean.")] = "UTC",
) -> None:
    """Send the contents of an agent's operator.db to the controller, as a sidecar, until it is stopped.

    \b
    evalcampaign forward --db /shared/operator.db --token-file /var/run/ticket-desk/token \\
        --to http://evalcampaign-intake.evalcampaign:8090
    """
    # Imports less than the other commands, because a sidecar should be small.
    from controller.agents.operatordb.tables import NoSuchZone
    from controller.cli.admin import forwarding

    try:
        forwarding.run(db, to, token_file, time_zone)
    except NoSuchZone as none:
        raise typer.BadParameter(str(none), param_hint="--time-zone") from None


def version() -> None:
    """Print this command's version and the schema of records it reads."""
    from controller.records.schema import HEAD
    from controller.version import VERSION

    typer.echo(f"evalcampaign {VERSION}, records schema {HEAD}")
