"""`run` and `watch`: create one campaign or two, pass tokens on, follow campaigns to their end, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import sqrt
from statistics import NormalDist
from typing import Any

import typer
from pydantic import ValidationError

from controller.analysis.rates import Rate, gate, rate
from controller.analysis.significance import LEVEL, enough, fewest_pairs, least_p
from controller.api import CampaignSpec, CampaignStatus, Controls, Mode, Outcome, Phase, Summary
from controller.cli.cluster.campaigns import Campaigns, CampaignSnapshot
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable
from controller.cli.live import CampaignWatch, follow, open_display, rate_lines
from controller.cli.options import ExitStatus, OutputFormat
from controller.cli.run import tokens
from controller.cli.run.catalog import validate_spec
from controller.cli.run.request import RunOptions, build_spec, describe_spec, readable_name
from controller.cli.run.versus import ArmPair, idle_agent_warning
from controller.cli.tables import PrintableConsole
from controller.records.arms import comparison_hash

CONTROLS = set(Controls.model_fields)
"""The fields that the records leave out of a spec, because they may change while the campaign runs."""

Z = NormalDist().inv_cdf(1 - LEVEL / 2)


TRIES = 3
"""How many generated names are tried, because one may exist already."""


def validate(*options: RunOptions) -> None:
    """Raises UsageError where the options make no sense. Sends no request."""
    for each in options:
        validate_spec(build_spec(each)[1])


def create(campaigns: Campaigns, options: RunOptions, name: str | None) -> CampaignSnapshot:
    """Creates the campaign, and prints its spec and what its trials can prove."""
    spec, read = build_spec(options)
    campaign = _create(campaigns, name, lambda: readable_name(options.subject, options.chaos), lambda _: spec)
    typer.echo(f"{campaign.title}: {describe_spec(spec)}", err=True)
    _print_power(read)
    return campaign


def create_pair(campaigns: Campaigns, pair: ArmPair, name: str | None) -> list[CampaignSnapshot]:
    """Creates both arms. If the second cannot be created, deletes the first again and raises CommandFailed."""
    options = pair.options
    first = _create(
        campaigns,
        name,
        lambda: readable_name(options.subject, options.chaos, pair.max_name_length),
        lambda named: pair.specs(named)[0],
    )
    specs = pair.specs(first.name)
    try:
        second = campaigns.create(pair.other_name(first.name), specs[1])
    except CommandFailed as error:
        doubt = " (or was it? Nobody answered)" if isinstance(error, Unreachable) else ""
        what = f"Campaign {pair.other_name(first.name)} was not created{doubt}: {error}"
        raise CommandFailed(f"{what}. {_delete_first(campaigns, first)}") from None
    for campaign, spec in zip((first, second), specs, strict=True):
        typer.echo(f"{campaign.title}: {describe_spec(spec)}", err=True)
    typer.echo(f"They take turns, trial by trial, with seed {pair.seed}.", err=True)
    _print_power(build_spec(options)[1])
    if (warning := idle_agent_warning(pair)) is not None:
        typer.echo(warning, err=True)
    return [first, second]


def _create(
    campaigns: Campaigns, name: str | None, make_up: Callable[[], str], spec: Callable[[str], Mapping[str, Any]]
) -> CampaignSnapshot:
    """Creates a campaign of this name, or of one that `make_up` returns, with the spec that belongs to the name."""
    for tries_left in reversed(range(TRIES)):
        named = name or make_up()
        try:
            return campaigns.create(named, spec(named))
        except Refused as refused:
            if refused.status != 409 or name or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def _print_power(spec: CampaignSpec) -> None:
    if not spec.dry_run:
        typer.echo(describe_power(spec), err=True)


def _delete_first(campaigns: Campaigns, first: CampaignSnapshot) -> str:
    try:
        campaigns.delete(first)
    except CommandFailed as error:
        return (
            f"The first, {first.title}, is there and could not be deleted again ({error}): it goes on alone. End it: "
            f"evalcampaign abort {first.title}"
        )
    return f"The first, {first.title}, was deleted again"


def provide_token(campaigns: Campaigns, campaign: CampaignSnapshot, options: RunOptions) -> None:
    """Provides the campaign's agent with its token, or prints how to get it, where the agent needs one."""
    if not options.mode.wants_agent:
        return
    if options.agent is not None:
        store_token(campaigns, campaign, options.agent)
    elif options.agent_db is None:
        print_token_hint(campaign)


def store_token(campaigns: Campaigns, campaign: CampaignSnapshot, agent: str) -> None:
    """Stores the token in the agent's namespace. An error is only printed: the campaign exists and waits."""
    namespace, _, deployment = agent.partition("/")
    secret = tokens.AGENTS_SECRET
    try:
        secret = tokens.agent_secret_name(campaigns.api, namespace, deployment)
        tokens.store(campaigns.api, tokens.read(campaigns, campaign, tokens.WAIT_SECONDS), namespace, secret)
    except CommandFailed as error:
        again = f"evalcampaign token {campaign.title} --into {namespace}/{secret}"
        typer.echo(f"The agent was not given its token: {error}. Try again: {again}", err=True)
    else:
        typer.echo(f"The agent's token is in Secret {namespace}/{secret}.", err=True)


def print_token_hint(campaign: CampaignSnapshot) -> None:
    """Prints the command that shows the token, for an agent that the controller does not start."""
    typer.echo(
        f"An agent is expected to send its tickets, with the token of `evalcampaign token {campaign.title}`.", err=True
    )


def follow_until_end(
    campaigns: Campaigns,
    begun: Sequence[CampaignSnapshot],
    fail_under: float | None,
    output: OutputFormat,
    stall_seconds: float | None = None,
) -> ExitStatus:
    """Shows campaigns until they have ended. Ctrl-C stops the command; the campaigns continue.

    `fail_under` applies to the first. As JSON, stdout holds only their last states. Proposes `compare` for two
    campaigns that can be compared.
    """
    names = [each.title for each in begun]
    try:
        with open_display(PrintableConsole(highlight=False, stderr=output is OutputFormat.JSON)) as display:
            watched = [(CampaignWatch(partial(campaigns.changes, each.title)), each) for each in begun]
            ended = follow(watched, display, stall_seconds)
    except KeyboardInterrupt:
        for name in names:
            typer.echo(
                f"\n{name} goes on by itself. Watch it: evalcampaign watch {name}; end it: evalcampaign abort {name}",
                err=True,
            )
        return ExitStatus.INTERRUPTED
    reports = [final_report(each, fail_under if each is ended[0] else None) for each in ended]
    for campaign, (lines, _) in zip(ended, reports, strict=True):
        for line in lines:
            typer.echo(f"{campaign.name}: {line}" if len(ended) > 1 else line, err=output is OutputFormat.JSON)
    if output is OutputFormat.JSON:
        print(as_json(ended))
    for name in names:
        typer.echo(f"Each attempt: evalcampaign trials {name}", err=True)
    if len(ended) == 2 and comparable(*ended):
        typer.echo(f"Which is better: evalcampaign compare {' '.join(names)}", err=True)
    return max(status for _, status in reports)


def comparable(first: CampaignSnapshot, second: CampaignSnapshot) -> bool:
    """Returns whether `compare` accepts the two without --force, by their specs. Dry runs have nothing to compare."""
    if first.uid == second.uid or not (first.mode.injects and second.mode.injects):
        return False
    try:
        specs = [CampaignSpec.model_validate(each.spec) for each in (first, second)]
    except ValidationError:
        return False
    hashes = {comparison_hash(each.model_dump(mode="json", by_alias=True, exclude=CONTROLS)) for each in specs}
    return len(hashes) == 1 and not any(each.dry_run for each in specs)


def as_json(campaigns: Sequence[CampaignSnapshot]) -> str:
    """Returns a JSON list of campaigns, each with its status as the API server has it."""
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


def final_report(campaign: CampaignSnapshot, fail_under: float | None) -> tuple[list[str], ExitStatus]:
    """Returns the lines at the end, and the exit status. A campaign that did not complete has failed.

    `fail_under` takes the packages of the extra `evidence`: see `gate.ready`.
    """
    status = campaign.status
    lines = [*_planned(campaign)] or rate_lines(status.rates)
    if status.phase is not Phase.COMPLETE:
        return lines, ExitStatus.FAILED
    if fail_under is None:
        return lines, ExitStatus.DONE
    result = gate(*_rate(campaign), fail_under)
    return [*lines, result.sentence], ExitStatus.DONE if result.passed else ExitStatus.UNDER


def _rate(campaign: CampaignSnapshot) -> tuple[str, Rate]:
    """Returns the rate that the gate compares for a campaign of this mode, and its name, from the status."""
    summary = campaign.status.summary or Summary(planned=campaign.trials, done=0, progress="")
    if campaign.mode is Mode.CONTROL:
        return "quiet", rate(summary.outcomes.get(Outcome.QUIET, 0), summary.scored)
    return "recovery", rate(_recovered(campaign.status, summary), summary.scored)


def _recovered(status: CampaignStatus, summary: Summary) -> int:
    """Returns how many scored attempts recovered. An older controller writes it only as text: `2/3 (67%)`."""
    if summary.recovered is not None or status.rates is None or status.rates.recovered is None:
        return summary.recovered or 0
    return int(status.rates.recovered.partition("/")[0])


def _planned(campaign: CampaignSnapshot) -> Iterator[str]:
    """Yields a line for each trial that a dry run planned."""
    for plan in campaign.status.plans:
        facts = f" ({plan.facts})" if plan.facts else ""
        yield f"trial {plan.trial} would do {plan.chaos} to {plan.target}{facts}"


def describe_power(spec: CampaignSpec) -> str:
    """Returns a line on what the campaign can prove alone and, unless it is a control, in pairs with another one."""
    n = spec.trials
    of = f"{n} trials" if n != 1 else "1 trial"
    good = "recover" if spec.mode.injects else "are quiet"
    alone = f"What {of} can prove: if all {good}, a rate of at least {n / (n + Z**2):.0%} (95 % interval)"
    if not spec.mode.injects:
        return f"{alone}."
    if not enough(n, n, paired=True):
        return f"{alone}; of two campaigns compared, no winner, whatever they show: that takes {fewest_pairs()} pairs."
    return (
        f"{alone}; of two campaigns compared in {n} pairs, a winner if it is clear (p is {_p(least_p(n, n, True))} at "
        f"best); rates near one half are told apart to within {_apart(n) * 100:.0f} points."
    )


def _apart(n: int) -> float:
    """Returns half the width of Newcombe's interval for the difference of two shares of 1/2, of `n` trials each."""
    return sqrt(2) * Z / (1 + Z**2 / n) * sqrt(1 / (4 * n) + Z**2 / (4 * n**2))


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.2g}"
