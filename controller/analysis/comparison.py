"""Two campaigns against each other: one primary endpoint, tested; everything else only described.

The endpoint is the difference of the mean times to recover, restricted to the deadline that all trials share: it
counts how often the subject recovers and how soon in one number of seconds, and baseline and agent have it alike. A
second test beside it would double the chance to find what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.analysis.circumstances import circumstances
from controller.analysis.comparable import require_comparable
from controller.analysis.holm import holm
from controller.analysis.pairing import pair
from controller.analysis.permutation import Difference, difference, enough
from controller.analysis.restricted import restricted_times, shared_deadline
from controller.analysis.summary import Analysis, analyze
from controller.analysis.trial import Trial
from controller.analysis.verdict import Verdict, judge, sentence
from controller.records.rows import CampaignRow


@dataclass(frozen=True, slots=True)
class Arm:
    """A campaign and its trials, by the name that is shown."""

    name: str
    campaign: CampaignRow
    trials: Sequence[Trial]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first against the second. `difference` is first minus second: below 0 the first recovers sooner.

    `p` is what the verdict rests on: adjusted by Holm where several comparisons were made (`comparisons` of them).
    `circumstances` is a sentence on whether they took turns. `deadline` is in seconds; `first` and `second` describe,
    with all scored trials of each.
    """

    names: tuple[str, str]
    verdict: Verdict
    sentence: str
    circumstances: str
    warnings: tuple[str, ...]
    deadline: float | None
    paired: bool
    sizes: tuple[int, int]
    left_out: int
    difference: Difference | None
    p: float | None
    comparisons: int
    first: Analysis
    second: Analysis


def compare(first: Arm, second: Arm, force: bool = False) -> Comparison:
    """Test one against the other. NotComparable where they did not ask the same, unless forced."""
    warnings = require_comparable(first.campaign, second.campaign, force)
    compared = pair(first.trials, second.trials)
    sizes = (len(compared.first), len(compared.second))
    deadline, found = None, None
    if enough(*sizes, compared.paired):
        deadline = shared_deadline((*compared.first, *compared.second))
        ours, theirs = (restricted_times(each, deadline) for each in (compared.first, compared.second))
        found = difference(ours, theirs, compared.paired)
    p = None if found is None else found.p
    verdict, names = judge(found, p), (first.name, second.name)
    return Comparison(
        names=names,
        verdict=verdict,
        sentence=sentence(verdict, names, sizes, compared.paired, deadline, found, p),
        circumstances=circumstances(first.campaign, second.campaign, (*first.trials, *second.trials)),
        warnings=tuple(warnings),
        deadline=deadline,
        paired=compared.paired,
        sizes=sizes,
        left_out=compared.left_out,
        difference=found,
        p=p,
        comparisons=1,
        first=analyze(first.campaign, first.trials),
        second=analyze(second.campaign, second.trials),
    )


def compare_all(pairs: Iterable[tuple[Arm, Arm]], force: bool = False) -> list[Comparison]:
    """Several at once, their p-values adjusted for it. The intervals stay those of each comparison by itself."""
    made = [compare(first, second, force) for first, second in pairs]
    tested = [index for index, each in enumerate(made) if each.p is not None]
    adjusted: Mapping[int, float] = dict(
        zip(tested, holm([made[index].p or 0.0 for index in tested]), strict=True),
    )
    return [_adjusted(each, adjusted.get(index), len(tested)) for index, each in enumerate(made)]


def _adjusted(of: Comparison, p: float | None, comparisons: int) -> Comparison:
    if p is None:
        return of
    verdict = judge(of.difference, p)
    said = sentence(verdict, of.names, of.sizes, of.paired, of.deadline, of.difference, p)
    if comparisons > 1:
        said += f" p is adjusted for {comparisons} comparisons (Holm); the interval is not."
    return replace(of, verdict=verdict, sentence=said, p=p, comparisons=comparisons)
