"""`analyze`: one campaign's numbers in each format, and whether they are good enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import typer
from rich.text import Text

from controller.analysis import words
from controller.analysis.estimates import estimates
from controller.analysis.gate import gate
from controller.analysis.summary import Analysis
from controller.api import Mode
from controller.cli import tables
from controller.cli.analysis.options import Output, RateName
from controller.cli.options import Exit
from controller.cli.tables import console
from controller.reading import as_json
from controller.records.rows import Json

HEADINGS = ("MEASURE", "VALUE", "95% INTERVAL", "N", "NOTE")
COLUMNS = ("campaign", "measure", "unit", "value", "low", "high", "n", "count", "beyond", "note")


def write(analysis: Analysis, output: Output) -> None:
    """To stdout, and nothing else."""
    lines = estimates(analysis)
    rows = [[line.words, words.value(line), words.interval(line), words.size(line), line.note] for line in lines]
    match output:
        case Output.JSON:
            print(as_json.dumps(to_json(analysis), indent=2))
        case Output.CSV:
            name = analysis.campaign.qualified_name
            tables.print_csv(COLUMNS, [[name, *(getattr(line, column) for column in COLUMNS[1:])] for line in lines])
        case Output.MARKDOWN:
            print(f"{_title(analysis)}\n\n{_counts(analysis)}\n")
            tables.print_markdown(HEADINGS, rows)
        case Output.TABLE:
            to = console()
            to.print(Text(_title(analysis), style="bold"))
            to.print(Text(_counts(analysis)))
            to.print()
            tables.print_rows(HEADINGS, rows, to)


def to_json(analysis: Analysis) -> dict[str, Json]:
    """The campaign's row, the counts, every estimate as in CSV, and the curves."""
    recovery, incidences = analysis.recovery, {"detection": analysis.detection, "resolution": analysis.resolution}
    return {
        "campaign": asdict(analysis.campaign),
        "scored": analysis.scored,
        "outcomes": analysis.outcomes,
        "unscored": analysis.unscored,
        "flags": analysis.flags,
        "estimates": [asdict(line) for line in estimates(analysis)],
        "recovery_curve": None if recovery is None else _finite(asdict(recovery.curve)),
        "restricted_mean_variance": None if recovery is None else recovery.restricted_mean.variance,
        **{f"{name}_incidence": None if each is None else asdict(each) for name, each in incidences.items()},
    }


def pass_or_exit(analysis: Analysis, name: RateName | None, least: float) -> None:
    """Exit 3 with a sentence unless the rate's lower bound is at least so high. BadParameter where there is no rate."""
    chosen = name or (RateName.QUIET if analysis.campaign.mode is Mode.CONTROL else RateName.RECOVERY)
    rate = analysis.rates.get(chosen)
    if rate is None:
        raise typer.BadParameter(f"a {analysis.campaign.mode} campaign has no {chosen} rate", param_hint="--rate")
    result = gate(chosen, rate, least)
    if not result.passed:
        typer.echo(result.sentence, err=True)
        raise typer.Exit(Exit.UNDER)


def _title(analysis: Analysis) -> str:
    of = analysis.campaign
    variant = f", variant {of.variant}" if of.variant else ""
    where = f"{of.chaos} on {of.subject} in {of.subject_namespace}"
    return f"{of.qualified_name}: {where}, {of.mode}{variant}, {of.phase}"


def _counts(analysis: Analysis) -> str:
    parts = [] if analysis.campaign.phase.terminal else [f"interim, for it is {analysis.campaign.phase}"]
    parts += [f"{analysis.scored} of {analysis.campaign.planned} trials scored ({_listed(analysis.outcomes)})"]
    if analysis.unscored:
        parts.append(f"attempts that are not scored: {_listed(analysis.unscored)}")
    if analysis.flags:
        parts.append(f"flags: {_listed(analysis.flags)}")
    return "; ".join(parts)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _finite(curve: dict[str, Json]) -> dict[str, Json]:
    """JSON has no NaN: a bound that is not defined is null."""
    return curve | {side: [bound if bound == bound else None for bound in curve[side]] for side in ("low", "high")}
