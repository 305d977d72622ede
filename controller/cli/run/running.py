"""`run` and `watch`: create a campaign or two, hand tokens on, follow them to their end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import typer

from controller.api import CampaignSpec
from controller.cli.cluster.campaigns import Campaigns, Seen
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable
from controller.cli.columns import PrintableConsole
from controller.cli.live.displays import display
from controller.cli.live.following import follow
from controller.cli.live.watching import Watch
from controller.cli.options import Exit, Output
from controller.cli.run import tokens
from controller.cli.run.asking import Asked, shown, spec_of
from controller.cli.run.checking import check
from controller.cli.run.ending import conclude
from controller.cli.run.naming import readable_name
from controller.cli.run.proving import can_prove
from controller.cli.run.versus import Versus, keeps_still

TRIES = 3
"""A made-up name may be taken."""


def validate(*asked: Asked) -> None:
    """Raise UsageError where what is asked makes no sense. Asks no cluster."""
    for each in asked:
        check(spec_of(each)[1])


def create(campaigns: Campaigns, asked: Asked, name: str | None) -> Seen:
    """The campaign, made."""
    spec, read = spec_of(asked)
    made = _create(campaigns, name, lambda: readable_name(asked.subject, asked.chaos), lambda _: spec)
    typer.echo(f"{made.title}: {shown(spec)}", err=True)
    _say_what_it_can_prove(read)
    return made


def create_both(campaigns: Campaigns, made: Versus, name: str | None) -> list[Seen]:
    """Both arms, made; or neither, as far as we are let."""
    asked = made.asked
    first = _create(
        campaigns,
        name,
        lambda: readable_name(asked.subject, asked.chaos, made.room),
        lambda named: made.specs(named)[0],
    )
    specs = made.specs(first.name)
    try:
        second = campaigns.create(made.other_name(first.name), specs[1])
    except CommandFailed as error:
        doubt = " (or was it? Nobody answered)" if isinstance(error, Unreachable) else ""
        what = f"Campaign {made.other_name(first.name)} was not created{doubt}: {error}"
        raise CommandFailed(f"{what}. {_taken_back(campaigns, first)}") from None
    for campaign, spec in zip((first, second), specs, strict=True):
        typer.echo(f"{campaign.title}: {shown(spec)}", err=True)
    typer.echo(f"They take turns, trial by trial, with seed {made.seed}.", err=True)
    _say_what_it_can_prove(spec_of(asked)[1])
    if (warning := keeps_still(made)) is not None:
        typer.echo(warning, err=True)
    return [first, second]


def _create(
    campaigns: Campaigns, name: str | None, make_up: Callable[[], str], spec: Callable[[str], Mapping[str, Any]]
) -> Seen:
    """The campaign of this name, or of one that is made up, with the spec that goes with the name."""
    for tries_left in reversed(range(TRIES)):
        named = name or make_up()
        try:
            return campaigns.create(named, spec(named))
        except Refused as refused:
            if refused.status != 409 or name or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def _say_what_it_can_prove(spec: CampaignSpec) -> None:
    if not spec.dry_run:
        typer.echo(can_prove(spec), err=True)


def _taken_back(campaigns: Campaigns, first: Seen) -> str:
    try:
        campaigns.delete(first)
    except CommandFailed as error:
        return (
            f"The first, {first.title}, is there and could not be deleted again ({error}): it goes on alone. End it: "
            f"evalcampaign abort {first.title}"
        )
    return f"The first, {first.title}, was deleted again"


def introduce(campaigns: Campaigns, made: Seen, asked: Asked) -> None:
    """See to it that the campaign's agent comes by its token, where it is to have one."""
    if not asked.mode.wants_agent:
        return
    if asked.agent is not None:
        hand_token_on(campaigns, made, asked.agent)
    elif asked.agent_db is None:
        tell_where_to_send(made)


def hand_token_on(campaigns: Campaigns, made: Seen, agent: str) -> None:
    """Give the agent's namespace the token. Trouble is told and no more: the campaign is there and waits."""
    namespace, _, deployment = agent.partition("/")
    secret = tokens.AGENTS_SECRET
    try:
        secret = tokens.secret_of(campaigns.api, namespace, deployment)
        tokens.hand_on(campaigns.api, tokens.read(campaigns, made, tokens.WAIT_SECONDS), namespace, secret)
    except CommandFailed as error:
        again = f"evalcampaign token {made.title} --into {namespace}/{secret}"
        typer.echo(f"The agent was not given its token: {error}. Try again: {again}", err=True)
    else:
        typer.echo(f"The agent's token is in Secret {namespace}/{secret}.", err=True)


def tell_where_to_send(made: Seen) -> None:
    """An agent that is not ours to start has to come by the token itself."""
    typer.echo(
        f"An agent is expected to send its tickets, with the token of `evalcampaign token {made.title}`.", err=True
    )


def follow_to_the_end(campaigns: Campaigns, begun: Sequence[Seen], fail_under: float | None, output: Output) -> Exit:
    """Show them until they have ended. Ctrl-C ends the showing, not the campaigns.

    `fail_under` is asked of the first. As JSON, stdout has nothing but how they ended.
    """
    names = [each.title for each in begun]
    try:
        with display(PrintableConsole(highlight=False, stderr=output is Output.JSON)) as shown_on:
            watched = [(Watch(partial(campaigns.changes, each.title)), each) for each in begun]
            ended = follow(watched, shown_on)
    except KeyboardInterrupt:
        for name in names:
            typer.echo(
                f"\n{name} goes on by itself. Watch it: evalcampaign watch {name}; end it: evalcampaign abort {name}",
                err=True,
            )
        return Exit.INTERRUPTED
    told = [conclude(each, fail_under if each is ended[0] else None) for each in ended]
    for campaign, (lines, _) in zip(ended, told, strict=True):
        for line in lines:
            typer.echo(f"{campaign.name}: {line}" if len(ended) > 1 else line, err=output is Output.JSON)
    if output is Output.JSON:
        print(as_json(ended))
    for name in names:
        typer.echo(f"Each attempt: evalcampaign trials {name}", err=True)
    if len(names) > 1:
        typer.echo(f"Which is better: evalcampaign compare {' '.join(names)}", err=True)
    return max(status for _, status in told)


def as_json(campaigns: Sequence[Seen]) -> str:
    """A list of them, each with its status as the API server has it."""
    return json.dumps(
        [
            {
                "namespace": each.namespace,
                "name": each.name,
                "uid": each.uid,
                "mode": each.mode.value,
                "status": each.status.to_json(),
            }
            for each in campaigns
        ],
        indent=2,
    )
