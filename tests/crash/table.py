"""Many counts, by point, as one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tests.crash.counting import Count

COLUMNS = {
    "killed at": "",
    "kills": "how many",
    "hurt": "kills by which the API server had accepted the fault of the attempt that was cut short",
    "lost": "attempts that were committed and are gone, or changed after their end",
    "doubled": "attempts with two rows, trials with two results",
    "faults": "the most that one attempt was given, by the API server's audit log",
    "astray": "changes of pods that are no plan and no undo; results without a fault",
    "left": "pods not as they were, locks held, rows left open, when the campaign was over",
    "open": "campaigns that did not complete",
    "p50": "seconds from the restart to the next commit",
    "max": "the same, at worst",
}
"""Name and meaning."""


def table(counts: Mapping[str, Sequence[Count]]) -> Table:
    """A row a point, and one for all; what should be zero and is not stands out."""
    made = Table(*COLUMNS, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in made.columns:
        column.no_wrap = True
        column.justify = "right"
    made.columns[0].justify = "left"
    for point, of_point in counts.items():
        made.add_row(*_row(point, of_point))
    made.add_section()
    made.add_row(*_row("all", [count for of_point in counts.values() for count in of_point]))
    return made


def legend() -> str:
    """What the columns mean, a line each."""
    return "\n".join(f"{name:>7}  {meaning}" for name, meaning in COLUMNS.items() if meaning)


def _row(point: str, counts: Sequence[Count]) -> list[Text]:
    resumed = sorted(count.resumed for count in counts if count.resumed is not None)
    most = max((count.faults for count in counts), default=0)
    return [
        Text(point),
        Text(str(len(counts))),
        Text(str(sum(count.reached for count in counts))),
        _zero(sum(count.lost for count in counts)),
        _zero(sum(count.doubled for count in counts)),
        _number(most, wrong=most > 1),
        _zero(sum(count.astray for count in counts)),
        _zero(sum(count.left for count in counts)),
        _zero(sum(count.incomplete for count in counts)),
        Text(f"{median(resumed):.2f}" if resumed else "-"),
        Text(f"{resumed[-1]:.2f}" if resumed else "-"),
    ]


def _zero(number: int) -> Text:
    return _number(number, wrong=number != 0)


def _number(number: int, wrong: bool) -> Text:
    return Text(str(number), style="bold red" if wrong else "")
