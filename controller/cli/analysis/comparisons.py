"""`compare` and its sisters: conclusions in each format, and beside them what both arms were like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from controller.analysis import loss, words
from controller.analysis.comparison import Comparison
from controller.analysis.estimates import estimates
from controller.analysis.summary import Analysis
from controller.cli import tables
from controller.cli.analysis import analyses
from controller.cli.analysis.options import Output
from controller.cli.tables import console
from controller.reading import as_json
from controller.records.rows import Json

DESCRIBED = "Described, not tested (95 % intervals of each by itself, ranges of counts):"
HEADINGS = ("FIRST", "SECOND", "CONCLUSION", "WORST CASE", "DIFFERENCE", "95% INTERVAL", "P", "N")
COLUMNS = (
    *("first", "second", "conclusion", "worst_case", "difference_seconds", "low", "high", "p"),
    *("recovered_first", "recovered_second", "rate_difference", "rate_low", "rate_high", "rate_p", "rate_test"),
    *("unscored_first", "unscored_second", "deadline_seconds", "paired", "n_first", "n_second", "left_out"),
    *("comparisons", "sentence", "circumstances", "warnings", "notes"),
)


def write(made: Sequence[Comparison], output: Output) -> None:
    """To stdout, and nothing else."""
    match output:
        case Output.JSON:
            print(as_json.dumps([_to_json(each) for each in made], indent=2))
        case Output.CSV:
            tables.print_csv(COLUMNS, [list(_flat(each).values()) for each in made])
        case Output.MARKDOWN:
            for each in made:
                print("".join(f"**{sentence}**\n\n" for sentence in (*each.warnings, each.sentence)), end="")
                print("".join(f"{sentence}\n\n" for sentence in _beside(each)), end="")
            print(f"{DESCRIBED}\n")
            tables.print_markdown(*_described(made))
        case Output.TABLE:
            _table(made)


def _table(made: Sequence[Comparison]) -> None:
    to = console()
    for each in made:
        for warning in each.warnings:
            to.print(Text(warning, style="yellow"))
        to.print(Text(each.sentence, style="bold"))
        for sentence in _beside(each):
            to.print(Text(sentence))
    if len(made) > 1:
        to.print()
        tables.print_rows(HEADINGS, [_row(each) for each in made], to)
    to.print()
    to.print(Text(DESCRIBED))
    tables.print_rows(*_described(made), to)


def _beside(of: Comparison) -> Iterator[str]:
    """What stands under the conclusion."""
    yield of.circumstances
    if of.left_out:
        yield f"{of.left_out} scored trials have no partner in the other campaign and are left out."
    yield from of.notes


def _row(of: Comparison) -> list[str]:
    found, n = of.difference, f"{of.sizes[0]} pairs" if of.paired else f"{of.sizes[0]}, {of.sizes[1]}"
    if found is None:
        return [*of.names, of.conclusion, of.worst_case, words.NOTHING, words.NOTHING, words.NOTHING, n]
    interval = f"{found.low:+.2f} to {found.high:+.2f} s"
    return [*of.names, of.conclusion, of.worst_case, f"{found.value:+.1f} s", interval, words.p(of), n]


def _described(made: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: a column an arm, a row a measure that any of them has."""
    arms: dict[str, Analysis] = {}
    for each in made:
        arms |= {each.names[0]: each.first, each.names[1]: each.second}
    cells = {name: {line.measure: line for line in estimates(analysis)} for name, analysis in arms.items()}
    measures = dict.fromkeys(measure for lines in cells.values() for measure in lines)
    label = {measure: line.words for lines in cells.values() for measure, line in lines.items()}
    rows = [
        [
            label[measure],
            *(words.both(lines[measure]) if measure in lines else words.NOTHING for lines in cells.values()),
        ]
        for measure in measures
    ]
    rows.append(["attempts not scored", *(loss.unscored(analysis) for analysis in arms.values())])
    return ["MEASURE", *arms], rows


def _flat(of: Comparison) -> dict[str, Json]:
    found, rates = of.difference, of.rates
    seconds = (None,) * 3 if found is None else (found.value, found.low, found.high)
    recovered: tuple[Json, ...] = (None,) * 7
    if rates is not None:
        recovered = (*rates.recovered, rates.value, rates.low, rates.high, rates.p, rates.test)
    values = (
        *(*of.names, of.conclusion.value, of.worst_case.value, *seconds, of.p),
        *recovered,
        *(_listed(of.first.unscored), _listed(of.second.unscored), of.deadline, of.paired, *of.sizes, of.left_out),
        *(of.comparisons, of.sentence, of.circumstances, " ".join(of.warnings), " ".join(of.notes)),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _listed(unscored: Mapping[str, int]) -> str:
    return "; ".join(f"{reason} {count}" for reason, count in unscored.items())


def _to_json(of: Comparison) -> dict[str, Json]:
    described = {"first": analyses.to_json(of.first), "second": analyses.to_json(of.second)}
    return {**_flat(of), "warnings": list(of.warnings), "notes": list(of.notes), "described": described}
