"""The command that checks cluster, controller and agents: `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.options import Context, ExitStatus, Format, Namespace, OutputFormat, exit_on_error

if TYPE_CHECKING:
    from controller.cli.checks.finding import Finding


def doctor(
    agent_db: Annotated[
        Path | None, typer.Option("--agent-db", metavar="PATH", help="An agent's operator.db to look at too.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    output: Format = OutputFormat.TABLE,
) -> None:
    """Look for what may keep a campaign from running: cluster, CRD, controller, opt-ins, permissions, what agents may
    read, and an agent's file.

    Exit status 1 when something fails; each line says how to mend it.

    \b
    evalcampaign doctor
    evalcampaign doctor --agent-db ./operator.db -n team-a
    """
    with exit_on_error():
        import json

        from controller.cli.checks.finding import Level

        found = []
        for finding in _findings(context, namespace, agent_db):
            found.append(finding)
            if output is OutputFormat.TABLE:
                _print(finding)
        if output is OutputFormat.JSON:
            print(json.dumps([finding.to_json() for finding in found], indent=2))
        failed = any(finding.level is Level.FAIL for finding in found)
        raise typer.Exit(ExitStatus.FAILED if failed else ExitStatus.DONE)


def _findings(context: str | None, namespace: str | None, agent_db: Path | None) -> Iterator[Finding]:
    from controller.cli.checks.cluster import check_agent_db, check_plugins, run_checks

    yield from run_checks(context, namespace)
    yield from check_plugins()
    if agent_db is not None:
        yield from check_agent_db(agent_db)


def _print(finding: Finding) -> None:
    from rich.text import Text

    from controller.cli.tables import console

    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    to = console()
    to.print(Text.assemble((f"{finding.level:<4} ", colours[finding.level]), finding.message), soft_wrap=True)
    if finding.fix:
        to.print(Text(f"     {finding.fix}", style="dim"), soft_wrap=True)
