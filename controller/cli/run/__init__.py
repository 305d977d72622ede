"""Defines the commands on live campaigns: `run`, `watch`, `suspend`, `resume`, `abort`, `token`, `subjects`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from controller.cli.options import Context, ExitStatus, Format, LiveCampaign, Namespace, OutputFormat, exit_on_error

ASK, WATCH, AGENT = "What is asked", "How it is watched", "The agent"


class ProbeChoice(StrEnum):
    """The values of `subject.probe`."""

    WRITE = "write"
    NONE = "none"


def run(
    subject: Annotated[str, typer.Option(help="What is broken: see `subjects`.", rich_help_panel=ASK)],
    chaos: Annotated[str, typer.Option(help="What is done to it.", rich_help_panel=ASK)],
    baseline: Annotated[bool, typer.Option("--baseline", help="Nobody acts.", rich_help_panel=ASK)] = False,
    control: Annotated[bool, typer.Option("--control", help="Nothing is injected.", rich_help_panel=ASK)] = False,
    trials: Annotated[int | None, typer.Option(help="How many; 8.", rich_help_panel=ASK)] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the chaos; repeatable.", rich_help_panel=ASK)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same meets the same members.", rich_help_panel=ASK)] = None,
    subject_namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where it lives; else named as it is.", rich_help_panel=ASK)
    ] = None,
    observe: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="After the injection; 120.", rich_help_panel=WATCH)
    ] = None,
    settle: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS", help="How long it must stay healthy to have recovered; 5.", rich_help_panel=WATCH
        ),
    ] = None,
    probe: Annotated[
        ProbeChoice | None, typer.Option(help="Whether a client of ours writes.", rich_help_panel=WATCH)
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Where its work is seen: http, operatorDb, or a plug-in's.", rich_help_panel=AGENT
        ),
    ] = None,
    source_option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Of the source; repeatable.", rich_help_panel=AGENT),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NS/DEPLOYMENT",
            help="Start it afresh for each trial; give it the token.",
            rich_help_panel=AGENT,
        ),
    ] = None,
    agent_db: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Its operator.db, to the controller.", rich_help_panel=AGENT),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call this agent.", rich_help_panel=AGENT)
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="It runs on.", rich_help_panel=AGENT)] = None,
    versus: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="Make a second campaign, baseline or variant=NAME: both take turns, trial by trial.",
            rich_help_panel=ASK,
        ),
    ] = None,
    versus_agent: Annotated[
        str | None,
        typer.Option(metavar="NS/DEPLOYMENT", help="As --agent, of the other variant.", rich_help_panel=AGENT),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the campaign; else one is made up.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any field of spec, such as deadlines.healthySeconds=600."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to its end.")] = True,
    fail_under: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="R", help="Exit 3 unless the lower bound of its rate's 95 % interval is at least R."
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    output: Format = OutputFormat.TABLE,
) -> None:
    """Create a campaign and follow it, live, to its end. Ctrl-C leaves it running.

    Without --baseline or --control an agent is expected to act. With --agent it is started for each trial; else it is
    there by itself, and sends its tickets over HTTP (docs/agents/http.md), or is read from --agent-db.

    Exit status: 0 it completed, 1 it failed or was aborted, 2 it was asked wrong, 3 it is under --fail-under, and 130
    after Ctrl-C.

    \b
    evalcampaign run --subject tikv --chaos node_kill --baseline --trials 3 --probe write
    evalcampaign run --subject tikv --chaos node_down --agent agents/my-agent --variant careful
    evalcampaign run --subject etcd --chaos node_kill --control --source http
    evalcampaign run --subject tikv --chaos node_down --agent agents/my-agent --versus baseline
    """
    if baseline and control:
        raise typer.BadParameter("--baseline and --control exclude each other")
    if versus_agent is not None and versus is None:
        raise typer.BadParameter("--versus-agent goes with --versus variant=NAME")
    if fail_under is not None and not wait:
        raise typer.BadParameter("--fail-under and --no-wait exclude each other: the rate is known at the end")
    with exit_on_error():
        from controller.analysis.rates import require_packages
        from controller.api import Mode
        from controller.cli.cluster.api import Api
        from controller.cli.cluster.campaigns import Campaigns
        from controller.cli.options import UsageError
        from controller.cli.run import execution
        from controller.cli.run.request import RunOptions
        from controller.cli.run.versus import versus as against

        options = RunOptions(
            subject=subject,
            chaos=chaos,
            mode=Mode.BASELINE if baseline else Mode.CONTROL if control else Mode.AGENT,
            subject_namespace=subject_namespace,
            trials=trials,
            observe_seconds=observe,
            settle_seconds=settle,
            seed=seed,
            probe=probe,
            variant=variant,
            model=model,
            source=source,
            source_options=source_option or (),
            agent=agent,
            agent_db=agent_db,
            params=param or (),
            settings=set_ or (),
        )
        try:
            pair = against(options, versus, versus_agent, name) if versus is not None else None
            execution.validate(*((pair.options, pair.other) if pair else (options,)))
        except UsageError as error:
            raise typer.BadParameter(str(error)) from None
        if fail_under is not None:
            require_packages()
        campaigns = Campaigns(Api.connect(context), namespace)
        made = execution.create_pair(campaigns, pair, name) if pair else [execution.create(campaigns, options, name)]
        for each, campaign in zip((pair.options, pair.other) if pair else (options,), made, strict=True):
            execution.provide_token(campaigns, campaign, each)
        if not wait:
            typer.echo(
                execution.as_json(made) if output is OutputFormat.JSON else "\n".join(each.title for each in made)
            )
            raise typer.Exit(ExitStatus.DONE)
        raise typer.Exit(execution.follow_until_end(campaigns, made, fail_under, output))


def watch(
    campaign: Annotated[list[str], typer.Argument(help="Its name, or namespace/name; several are followed at once.")],
    stall_seconds: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Exit 1 when nothing changes for so long.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Follow campaigns to their end, live; Ctrl-C leaves them running. Exit status 0 if all complete, 1 if not.

    \b
    evalcampaign watch tikv-node-kill
    evalcampaign watch tikv-node-kill tikv-node-down --stall-seconds 600
    """
    with exit_on_error():
        from controller.cli.cluster.api import Api
        from controller.cli.cluster.campaigns import Campaigns
        from controller.cli.run.execution import follow_until_end

        campaigns = Campaigns(Api.connect(context), namespace)
        found = [campaigns.get(each) for each in dict.fromkeys(campaign)]
        raise typer.Exit(follow_until_end(campaigns, found, None, OutputFormat.TABLE, stall_seconds))


def abort(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """End a campaign: its fault is undone, what was found is kept. This cannot be taken back.

    \b
    evalcampaign abort tikv-node-kill
    """
    _patch_spec(campaign, namespace, context, "It is being aborted; a fault that is there is undone first", abort=True)


def suspend(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """Have a campaign stand aside: a trial that runs ends first, then others may have the subject.

    \b
    evalcampaign suspend tikv-node-kill
    """
    _patch_spec(
        campaign, namespace, context, "It stands aside once the trial that runs, if one does, is over", suspend=True
    )


def resume(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """Let a suspended campaign go on with the trial it had come to.

    \b
    evalcampaign resume tikv-node-kill
    """
    _patch_spec(campaign, namespace, context, "It goes on when the subject is free", suspend=False)


def _patch_spec(campaign: str, namespace: str | None, context: str | None, effect: str, **controls: bool) -> None:
    with exit_on_error():
        from controller.cli.cluster.api import Api
        from controller.cli.cluster.campaigns import Campaigns
        from controller.cli.cluster.errors import CommandFailed

        campaigns = Campaigns(Api.connect(context), namespace)
        snapshot = campaigns.get(campaign)
        if snapshot.status.phase.terminal:
            raise CommandFailed(f"Campaign {snapshot.title} has ended already: it is {snapshot.status.phase}")
        campaigns.patch_spec(campaign, **controls)
        typer.echo(f"{snapshot.title}: {effect}. Watch it: evalcampaign watch {snapshot.title}")


def token(
    campaign: LiveCampaign,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="NAMESPACE/SECRET",
            help="Put it into this Secret, key token, and the address, key url, instead of printing it.",
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Print the token with which a campaign's agent sends its work to the controller.

    It takes the right to change the campaign and to port-forward to the controller, or to read its Secrets.

    \b
    evalcampaign token tikv-node-kill
    evalcampaign token tikv-node-kill --into agents/ticket-desk
    """
    place, _, secret = (into or "").partition("/")
    if into is not None and not (place and secret):
        raise typer.BadParameter(f"--into takes NAMESPACE/SECRET, and {into!r} is not that")
    with exit_on_error():
        from controller.cli.cluster.api import Api
        from controller.cli.cluster.campaigns import Campaigns
        from controller.cli.run import tokens

        api = Api.connect(context)
        campaigns = Campaigns(api, namespace)
        found = tokens.read(campaigns, campaigns.get(campaign))
        if into is None:
            typer.echo(found)
        else:
            tokens.store(api, found, place, secret)
            typer.echo(f"The token of {campaign} is in Secret {into}.")


def subjects(output: Format = OutputFormat.TABLE) -> None:
    """List what can be broken and how: subjects, types of chaos, their parameters and defaults.

    \b
    evalcampaign subjects
    """
    with exit_on_error():
        from controller.cli.run import catalog

        if output is OutputFormat.JSON:
            print(catalog.as_json())
        else:
            catalog.print_subjects()
