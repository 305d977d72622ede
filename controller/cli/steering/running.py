"""`run` and `watch`: create a campaign, hand its token on, follow it to its end."""

from __future__ import annotations

import typer
from rich.console import Console

from controller.cli.cluster.campaigns import Campaigns, Seen
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.cli.live.displays import display
from controller.cli.live.following import follow
from controller.cli.live.watching import Watch
from controller.cli.options import Exit
from controller.cli.steering import tokens
from controller.cli.steering.asking import Asked, shown, spec_of
from controller.cli.steering.checking import check
from controller.cli.steering.ending import conclude
from controller.cli.steering.naming import readable_name

TRIES = 3
"""A made-up name may be taken."""


def refuse_mistakes(asked: Asked) -> None:
    """Raise Mistake where what is asked makes no sense. Asks no cluster."""
    check(spec_of(asked)[1])


def create(campaigns: Campaigns, asked: Asked, name: str | None) -> Seen:
    """The campaign, made."""
    spec, _ = spec_of(asked)
    for tries_left in reversed(range(TRIES)):
        try:
            made = campaigns.create(name or readable_name(asked.subject, asked.chaos), spec)
        except Refused as refused:
            if refused.status != 409 or name or not tries_left:
                raise
        else:
            typer.echo(f"{made.title}: {shown(spec)}", err=True)
            return made
    raise AssertionError("the last try returns or raises")


def hand_token_on(campaigns: Campaigns, made: Seen, agent: str) -> None:
    """Give the agent's namespace the token. Trouble is told and no more: the campaign is there and waits."""
    namespace = agent.partition("/")[0]
    try:
        tokens.hand_on(campaigns.api, tokens.read(campaigns.api, made.uid, tokens.WAIT_SECONDS), namespace)
    except CommandFailed as error:
        again = f"evalcampaign token {made.title} --into {namespace}/{tokens.AGENTS_SECRET}"
        typer.echo(f"The agent was not given its token: {error}. Try again: {again}", err=True)
    else:
        typer.echo(f"The agent's token is in Secret {namespace}/{tokens.AGENTS_SECRET}.", err=True)


def tell_where_to_send(made: Seen) -> None:
    """An agent that is not ours to start has to come by the token itself."""
    typer.echo(
        f"An agent is expected to send its tickets, with the token of `evalcampaign token {made.title}`.", err=True
    )


def follow_to_the_end(campaigns: Campaigns, begun: Seen, fail_under: float | None) -> Exit:
    """Show it until it has ended. Ctrl-C ends the showing, not the campaign."""
    try:
        with display(Console(highlight=False)) as shown_on:
            watch = Watch(lambda: campaigns.changes(begun.title))
            ended = follow(watch, begun, shown_on)
    except KeyboardInterrupt:
        typer.echo(
            f"\n{begun.title} goes on by itself. Watch it: evalcampaign watch {begun.title}; "
            f"end it: evalcampaign abort {begun.title}",
            err=True,
        )
        return Exit.INTERRUPTED
    lines, status = conclude(ended, fail_under)
    for line in lines:
        typer.echo(line)
    typer.echo(f"Each attempt: evalcampaign trials {begun.title}", err=True)
    return status
