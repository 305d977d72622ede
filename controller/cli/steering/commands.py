"""The commands on campaigns: options in, one function of another file called, exit status out."""

from __future__ import annotations

from typing import Annotated

import typer

from controller.cli.options import Context, Format, LiveCampaign, Namespace, Output, exit_on_error


def watch(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """Follow a campaign to its end, live; Ctrl-C leaves it running. Exit status 0 if it completes, 1 if not.

    \b
    evalcampaign watch tikv-node-kill
    """
    with exit_on_error():
        from controller.cli.cluster.api import Api
        from controller.cli.cluster.campaigns import Campaigns
        from controller.cli.steering.running import follow_to_the_end

        campaigns = Campaigns(Api.connect(context), namespace)
        raise typer.Exit(follow_to_the_end(campaigns, [campaigns.get(campaign)], None, Output.TABLE))


def abort(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """End a campaign: its fault is undone, what was found is kept. This cannot be taken back.

    \b
    evalcampaign abort tikv-node-kill
    """
    _steer(campaign, namespace, context, "It is being aborted; a fault that is there is undone first", abort=True)


def suspend(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """Have a campaign stand aside: a trial that runs ends first, then others may have the subject.

    \b
    evalcampaign suspend tikv-node-kill
    """
    _steer(campaign, namespace, context, "It stands aside once the trial that runs, if one does, is over", suspend=True)


def resume(campaign: LiveCampaign, namespace: Namespace = None, context: Context = None) -> None:
    """Let a suspended campaign go on with the trial it had come to.

    \b
    evalcampaign resume tikv-node-kill
    """
    _steer(campaign, namespace, context, "It goes on when the subject is free", suspend=False)


def _steer(campaign: str, namespace: str | None, context: str | None, then: str, **controls: bool) -> None:
    with exit_on_error():
        from controller.cli.cluster.api import Api
        from controller.cli.cluster.campaigns import Campaigns
        from controller.cli.cluster.errors import CommandFailed

        campaigns = Campaigns(Api.connect(context), namespace)
        there = campaigns.get(campaign)
        if there.status.phase.terminal:
            raise CommandFailed(f"Campaign {there.title} has ended already: it is {there.status.phase}")
        campaigns.steer(campaign, **controls)
        typer.echo(f"{there.title}: {then}. Watch it: evalcampaign watch {there.title}")


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
        from controller.cli.steering import tokens

        api = Api.connect(context)
        campaigns = Campaigns(api, namespace)
        found = tokens.read(campaigns, campaigns.get(campaign))
        if into is None:
            typer.echo(found)
        else:
            tokens.hand_on(api, found, place, secret)
            typer.echo(f"The token of {campaign} is in Secret {into}.")


def subjects(output: Format = Output.TABLE) -> None:
    """List what can be broken and how: subjects, types of chaos, their parameters and defaults.

    \b
    evalcampaign subjects
    """
    with exit_on_error():
        from controller.cli.steering import subjects

        if output is Output.JSON:
            print(subjects.as_json())
        else:
            subjects.print_subjects()
