"""The commands that draw conclusions: `analyze`, `compare`, `compare-baseline`, `compare-variants`, `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.cli.analysis.options import AnalysisFormat, Force, Format, RateName, exit_on_error
from controller.cli.options import Campaign, Context, Database


def analyze(
    campaign: Campaign,
    fail_under: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="R", help="Exit 3 unless the lower bound of the rate's 95 % interval is at least R."
        ),
    ] = None,
    rate: Annotated[
        RateName | None, typer.Option(help="Which rate that is; recovery by default, of a control quiet.")
    ] = None,
    db: Database = None,
    context: Context = None,
    output: Format = AnalysisFormat.TABLE,
) -> None:
    """Say what a campaign found: rates, times and commands, each with its interval and its n.

    Times count what had not happened by the deadline as later, never as missing.

    \b
    evalcampaign analyze tikv-node-kill
    evalcampaign analyze tikv-node-kill --fail-under 0.8 --output json
    """
    with exit_on_error():
        from controller.analysis.summary import analyze as analyzed
        from controller.cli.analysis import arms
        from controller.cli.analysis import output as results

        arm = arms.ArmRecords(db, context).arm(campaign)
        found = analyzed(arm.campaign, arm.trials)
        results.write_analysis(found, output)
        if fail_under is not None:
            results.pass_or_exit(found, rate, fail_under)


def compare(
    first: Annotated[str, typer.Argument(help="Name, namespace/name, or uid of a campaign.")],
    second: Annotated[str, typer.Argument(help="That of another, which the first is seen from.")],
    force: Force = False,
    db: Database = None,
    context: Context = None,
    output: Format = AnalysisFormat.TABLE,
) -> None:
    """Say whether one campaign spends less time unrecovered than another that asked the same.

    One thing is tested: the difference of the mean times unrecovered, up to the deadline. The rest is described.

    \b
    evalcampaign compare tikv-node-kill-v2 tikv-node-kill-v1
    """
    with exit_on_error():
        from controller.analysis.comparison import compare as compared
        from controller.cli.analysis import arms
        from controller.cli.analysis import output as results

        records = arms.ArmRecords(db, context)
        results.write_comparisons([compared(records.arm(first), records.arm(second), force)], output)


def compare_baseline(
    campaign: Campaign,
    force: Force = False,
    db: Database = None,
    context: Context = None,
    output: Format = AnalysisFormat.TABLE,
) -> None:
    """Say whether a campaign spends less time unrecovered than the subject by itself: its baseline is found for it.

    \b
    evalcampaign compare-baseline tikv-node-kill-agent
    """
    with exit_on_error():
        from controller.analysis.comparison import compare as compared
        from controller.cli.analysis import arms
        from controller.cli.analysis import output as results

        records = arms.ArmRecords(db, context)
        arm = records.arm(campaign)
        results.write_comparisons([compared(arm, records.baseline_of(arm.campaign, force), force)], output)


def compare_variants(
    subject: Annotated[str, typer.Option(help="Type of the subject, such as tikv.")],
    chaos: Annotated[str, typer.Option(help="Type of chaos, such as node_kill.")],
    db: Database = None,
    context: Context = None,
    output: Format = AnalysisFormat.TABLE,
) -> None:
    """Compare the variants of agents that were tried on the same, each with each.

    \b
    evalcampaign compare-variants --subject tikv --chaos node_kill
    """
    with exit_on_error():
        from itertools import combinations

        from controller.analysis.comparison import compare_all
        from controller.cli.analysis import arms
        from controller.cli.analysis import output as results

        variants = arms.ArmRecords(db, context).variants(subject, chaos)
        results.write_comparisons(compare_all(combinations(variants, 2)), output)


def report(
    campaigns: Annotated[list[str], typer.Argument(help="Name, namespace/name, or uid of each.")],
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    force: Force = False,
    db: Database = None,
    context: Context = None,
) -> None:
    """Write one HTML file that tells what campaigns found: conclusion, curves, and every trial. It needs no network.

    \b
    evalcampaign report tikv-node-kill-agent tikv-node-kill -o report.html
    """
    with exit_on_error():
        from controller.cli.analysis import arms, reporting
        from controller.version import VERSION

        reporting.write(arms.ArmRecords(db, context), campaigns, to, force, f"evalcampaign {VERSION}")
        typer.echo(f"Written: {to} ({to.stat().st_size:,} bytes)", err=True)
