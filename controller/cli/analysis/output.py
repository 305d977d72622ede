"""`analyze`, `compare` and its variants: results as table, CSV, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import typer
from rich.text import Text

from controller.analysis.comparison import Comparison
from controller.analysis.conclusion import unscored
from controller.analysis.estimates import (
    NOTHING,
    estimates,
    format_estimate,
    format_interval,
    format_p,
    format_size,
    format_value,
)
from controller.analysis.rates import gate
from controller.analysis.summary import Analysis
from controller.api import Mode
from controller.cli import tables
from controller.cli.analysis.options import AnalysisFormat, RateName
from controller.cli.options import ExitStatus
from controller.cli.tables import console
from controller.jsontypes import Json
from controller.reading import serialization

ANALYSIS_HEADINGS = ("MEASURE", "VALUE", "95% INTERVAL", "N", "NOTE")
ANALYSIS_COLUMNS = ("campaign", "measure", "unit", "value", "low", "high", "n", "count", "beyond", "note")


def write_analysis(analysis: Analysis, output: AnalysisFormat) -> None:
    """Writes to stdout only."""
    lines = estimates(analysis)
    rows = [[line.words, format_value(line), format_interval(line), format_size(line), line.note] for line in lines]
    match output:
        case AnalysisFormat.JSON:
            print(serialization.dumps(analysis_to_json(analysis), indent=2))
        case AnalysisFormat.CSV:
            name = analysis.campaign.qualified_name
            tables.print_csv(
                ANALYSIS_COLUMNS,
                [[name, *(getattr(line, column) for column in ANALYSIS_COLUMNS[1:])] for line in lines],
            )
        case AnalysisFormat.MARKDOWN:
            print(f"{_title(analysis)}\n\n{_counts(analysis)}\n")
            tables.print_markdown(ANALYSIS_HEADINGS, rows)
        case AnalysisFormat.TABLE:
            to = console()
            to.print(Text(_title(analysis), style="bold"))
            to.print(Text(_counts(analysis)))
            to.print()
            tables.print_rows(ANALYSIS_HEADINGS, rows, to)


def analysis_to_json(analysis: Analysis) -> dict[str, Json]:
    """Returns the campaign's row, the counts, every estimate as in CSV, and the curves."""
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


def pass_or_exit(analysis: Analysis, name: RateName | None, minimum: float) -> None:
    """Exits with status 3 unless the rate's lower bound is at least `minimum`. Raises BadParameter without a rate."""
    chosen = name or (RateName.QUIET if analysis.campaign.mode is Mode.CONTROL else RateName.RECOVERY)
    rate = analysis.rates.get(chosen)
    if rate is None:
        raise typer.BadParameter(f"a {analysis.campaign.mode} campaign has no {chosen} rate", param_hint="--rate")
    result = gate(chosen, rate, minimum)
    if not result.passed:
        typer.echo(result.sentence, err=True)
        raise typer.Exit(ExitStatus.UNDER)


def _title(analysis: Analysis) -> str:
    of = analysis.campaign
    variant = f", variant {of.variant}" if of.variant else ""
    where = f"{of.chaos} on {of.subject} in {of.subject_namespace}"
    return f"{of.qualified_name}: {where}, {of.mode}{variant}, {of.phase}"


def _counts(analysis: Analysis) -> str:
    parts = [] if analysis.campaign.phase.terminal else [f"interim, for it is {analysis.campaign.phase}"]
    parts += [f"{analysis.scored} of {analysis.campaign.planned} trials scored ({_count_list(analysis.outcomes)})"]
    if analysis.unscored:
        parts.append(f"attempts that are not scored: {_count_list(analysis.unscored)}")
    if analysis.flags:
        parts.append(f"flags: {_count_list(analysis.flags)}")
    return "; ".join(parts)


def _count_list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _finite(curve: dict[str, Json]) -> dict[str, Json]:
    """JSON has no NaN: a bound that is not defined is null."""
    return curve | {side: [bound if bound == bound else None for bound in curve[side]] for side in ("low", "high")}


DESCRIBED = "Described, not tested (95 % intervals of each by itself, ranges of counts):"
COMPARISON_HEADINGS = ("FIRST", "SECOND", "CONCLUSION", "WORST CASE", "DIFFERENCE", "95% INTERVAL", "P", "N")
COMPARISON_COLUMNS = (
    *("first", "second", "conclusion", "worst_case", "difference_seconds", "low", "high", "p"),
    *("recovered_first", "recovered_second", "rate_difference", "rate_low", "rate_high", "rate_p", "rate_test"),
    *("unscored_first", "unscored_second", "deadline_seconds", "paired", "n_first", "n_second", "left_out"),
    *("comparisons", "sentence", "circumstances", "warnings", "notes"),
)


def write_comparisons(comparisons: Sequence[Comparison], output: AnalysisFormat) -> None:
    """Writes to stdout only."""
    match output:
        case AnalysisFormat.JSON:
            print(serialization.dumps([_comparison_to_json(each) for each in comparisons], indent=2))
        case AnalysisFormat.CSV:
            tables.print_csv(COMPARISON_COLUMNS, [list(_flat(each).values()) for each in comparisons])
        case AnalysisFormat.MARKDOWN:
            for each in comparisons:
                print("".join(f"**{sentence}**\n\n" for sentence in (*each.warnings, each.sentence)), end="")
                print("".join(f"{sentence}\n\n" for sentence in _beside(each)), end="")
            print(f"{DESCRIBED}\n")
            tables.print_markdown(*_described(comparisons))
        case AnalysisFormat.TABLE:
            _comparison_table(comparisons)


def _comparison_table(comparisons: Sequence[Comparison]) -> None:
    to = console()
    for each in comparisons:
        for warning in each.warnings:
            to.print(Text(warning, style="yellow"))
        to.print(Text(each.sentence, style="bold"))
        for sentence in _beside(each):
            to.print(Text(sentence))
    if len(comparisons) > 1:
        to.print()
        tables.print_rows(COMPARISON_HEADINGS, [_comparison_row(each) for each in comparisons], to)
    to.print()
    to.print(Text(DESCRIBED))
    tables.print_rows(*_described(comparisons), to)


def _beside(comparison: Comparison) -> Iterator[str]:
    """Yields the lines below the conclusion."""
    yield comparison.circumstances
    if comparison.left_out:
        yield f"{comparison.left_out} scored trials have no partner in the other campaign and are left out."
    yield from comparison.notes


def _comparison_row(comparison: Comparison) -> list[str]:
    difference, sizes = comparison.difference, comparison.sizes
    n = f"{sizes[0]} pairs" if comparison.paired else f"{sizes[0]}, {sizes[1]}"
    if difference is None:
        return [*comparison.names, comparison.conclusion, comparison.worst_case, NOTHING, NOTHING, NOTHING, n]
    interval = f"{difference.low:+.2f} to {difference.high:+.2f} s"
    return [
        *comparison.names,
        comparison.conclusion,
        comparison.worst_case,
        f"{difference.value:+.1f} s",
        interval,
        format_p(comparison.p),
        n,
    ]


def _described(comparisons: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Returns headings and rows, with a column for each arm and a row for each measure that any of them has."""
    arms: dict[str, Analysis] = {}
    for each in comparisons:
        arms |= {each.names[0]: each.first, each.names[1]: each.second}
    cells = {name: {line.measure: line for line in estimates(analysis)} for name, analysis in arms.items()}
    measures = dict.fromkeys(measure for lines in cells.values() for measure in lines)
    label = {measure: line.words for lines in cells.values() for measure, line in lines.items()}
    rows = [
        [
            label[measure],
            *(format_estimate(lines[measure]) if measure in lines else NOTHING for lines in cells.values()),
        ]
        for measure in measures
    ]
    rows.append(["attempts not scored", *(unscored(analysis) for analysis in arms.values())])
    return ["MEASURE", *arms], rows


def _flat(comparison: Comparison) -> dict[str, Json]:
    difference, rates = comparison.difference, comparison.rates
    seconds = (None,) * 3 if difference is None else (difference.value, difference.low, difference.high)
    recovered: tuple[Json, ...] = (None,) * 7
    if rates is not None:
        recovered = (*rates.recovered, rates.value, rates.low, rates.high, rates.p, rates.test)
    values = (
        *(*comparison.names, comparison.conclusion.value, comparison.worst_case.value, *seconds, comparison.p),
        *recovered,
        *(
            _listed(comparison.first.unscored),
            _listed(comparison.second.unscored),
            comparison.deadline,
            comparison.paired,
            *comparison.sizes,
            comparison.left_out,
        ),
        *(
            comparison.comparisons,
            comparison.sentence,
            comparison.circumstances,
            " ".join(comparison.warnings),
            " ".join(comparison.notes),
        ),
    )
    return dict(zip(COMPARISON_COLUMNS, values, strict=True))


def _listed(unscored: Mapping[str, int]) -> str:
    return "; ".join(f"{reason} {count}" for reason, count in unscored.items())


def _comparison_to_json(comparison: Comparison) -> dict[str, Json]:
    described = {"first": analysis_to_json(comparison.first), "second": analysis_to_json(comparison.second)}
    return {
        **_flat(comparison),
        "warnings": list(comparison.warnings),
        "notes": list(comparison.notes),
        "described": described,
    }
