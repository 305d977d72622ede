"""Compares two campaigns: tests one primary endpoint, and describes everything else.

The endpoint is the difference of the mean times unrecovered, up to the deadline that all trials share. It combines how
often and how soon the subject recovers in one number of seconds, and both a baseline and an agent have it. A second
test would double the chance of a false finding.

Two campaigns are comparable if their specs differ only in who acts and in how many trials there are. Their trials are
paired if they have the same index and seed, and so hit the same target. A trial with the flag `Unpaired` has no
partner, whatever its seed: it should have been run in turn with another one, and was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.analysis.conclusion import (
    Conclusion,
    at_worst,
    circumstances,
    conclude,
    interim,
    notes,
    progress,
    sentence,
    too_few,
    worst_case,
)
from controller.analysis.errors import NotComparable
from controller.analysis.intervals import RateDifference, rate_difference
from controller.analysis.permutation import Difference, difference
from controller.analysis.significance import LEVEL, enough, holm, least_p
from controller.analysis.summary import Analysis, analyze
from controller.analysis.survival import restricted_times, shared_deadline
from controller.analysis.trial import Arm, Trial, scored
from controller.difference import changes
from controller.records.arms import comparable_spec
from controller.records.rows import CampaignRow, Flag


def differing(first: CampaignRow, second: CampaignRow) -> list[str]:
    """Returns the spec fields that differ and must not, such as `chaos.params.count`; none if the hashes agree.

    A hash may differ where no field of the spec does, when another version of the controller wrote it.
    That is returned as a field, too.
    """
    if first.comparison_hash == second.comparison_hash:
        return []
    fields = [change.path for change in changes(comparable_spec(first.spec), comparable_spec(second.spec))]
    return fields or ["comparison hash (recorded by different versions)"]


def require_comparable(first: CampaignRow, second: CampaignRow, force: bool) -> list[str]:
    """Returns warnings for a forced comparison; none where the campaigns are comparable. Raises NotComparable."""
    if first.uid == second.uid:
        raise NotComparable(f"{first.qualified_name} would be compared with itself")
    for campaign in (first, second):
        if not campaign.mode.injects:
            raise NotComparable(
                f"{campaign.qualified_name} is a control: nothing was broken, so there is no recovery to "
                "compare. `analyze` shows its false alarms"
            )
    fields = differing(first, second)
    if fields and not force:
        raise NotComparable(
            f"{first.qualified_name} and {second.qualified_name} did not ask the same. They differ in "
            f"{', '.join(fields)}. --force compares them all the same, and says so"
        )
    return [f"Forced: the two did not ask the same; they differ in {', '.join(fields)}."] if fields else []


MOST_LOST = 0.2
"""Trials are paired if no arm loses more than this share of its scored trials, and otherwise compared unpaired."""

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pairing:
    """The scored trials that are compared, in the same order in both arms where `paired`; `left_out` had no partner."""

    first: tuple[Trial, ...]
    second: tuple[Trial, ...]
    paired: bool
    left_out: int


def pair(first: Sequence[Trial], second: Sequence[Trial]) -> Pairing:
    """Pairs the trials by index and seed if enough of them match, or else returns all scored trials unpaired."""
    ours, theirs = _by_key(first), _by_key(second)
    both = [key for key in sorted(ours) if key in theirs and not _alone(ours[key]) and not _alone(theirs[key])]
    larger = max(len(ours), len(theirs))
    if both and len(both) >= (1 - MOST_LOST) * larger:
        left_out = len(ours) + len(theirs) - 2 * len(both)
        return Pairing(tuple(ours[key] for key in both), tuple(theirs[key] for key in both), True, left_out)
    return Pairing(tuple(ours.values()), tuple(theirs.values()), False, 0)


def _by_key(arm: Sequence[Trial]) -> Mapping[Key, Trial]:
    return {(trial.trial, trial.seed): trial for trial in scored(arm)}


def _alone(trial: Trial) -> bool:
    return Flag.UNPAIRED in trial.flags


__all__ = ["Arm", "Comparison", "compare", "compare_all"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of the first arm with the second.

    `difference` is first minus second: below 0 the first is unrecovered for less time.

    `p` is what the conclusion rests on: adjusted by Holm where several comparisons were made (`comparisons` of them).
    `rates` compares the recoveries, untested. All three are None where there is no conclusion. `worst_case` is the
    conclusion if the attempts that are not scored had stayed unrecovered: those of the arm that is ahead, or of both
    where none is. `circumstances` is a sentence on whether they took turns, `notes` what else has to be known.
    `deadline` is in seconds; `first` and `second` describe, with all scored trials of each.
    """

    names: tuple[str, str]
    conclusion: Conclusion
    sentence: str
    circumstances: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    deadline: float | None
    paired: bool
    sizes: tuple[int, int]
    left_out: int
    difference: Difference | None
    rates: RateDifference | None
    p: float | None
    worst_case: Conclusion
    comparisons: int
    first: Analysis
    second: Analysis


@dataclass(frozen=True, slots=True)
class _TestResult:
    """The test results of two sets of trials, before a conclusion."""

    pairing: Pairing
    deadline: float | None = None
    difference: Difference | None = None
    rates: RateDifference | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.pairing.first), len(self.pairing.second)

    @property
    def least(self) -> float:
        """The smallest p that the test could have had."""
        return least_p(*self.sizes, self.pairing.paired)

    @property
    def p(self) -> float:
        """The p-value; 1 where nothing was tested."""
        return 1.0 if self.difference is None else self.difference.p


@dataclass(frozen=True, slots=True)
class _TestedArms:
    """Two arms, tested as they are and as if lost trials had failed. `running` tells the progress of those that run."""

    first: Arm
    second: Arm
    warnings: tuple[str, ...]
    running: tuple[str, ...]
    tested: _TestResult
    at_worst: _TestResult


def compare(first: Arm, second: Arm, force: bool = False) -> Comparison:
    """Returns the comparison of two arms. Raises NotComparable where their specs differ, unless forced."""
    return compare_all([(first, second)], force)[0]


def compare_all(pairs: Iterable[tuple[Arm, Arm]], force: bool = False) -> list[Comparison]:
    """Returns several comparisons, with p-values adjusted for their number. Intervals are not adjusted.

    A comparison with too few trials for a test does not count in that number. One of which an arm still runs does,
    because it will have a p-value.
    """
    tested_arms = [_test_arms(*each, require_comparable(each[0].campaign, each[1].campaign, force)) for each in pairs]
    counted = [index for index, each in enumerate(tested_arms) if each.running or each.tested.difference is not None]
    ps = holm([tested_arms[index].tested.p for index in counted])
    worst = holm([tested_arms[index].at_worst.p for index in counted])
    least = holm([tested_arms[index].tested.least for index in counted])
    rank_of = {index: rank for rank, index in enumerate(counted)}
    return [
        _conclude(
            each, len(counted), *(values[rank_of[index]] if index in rank_of else 1.0 for values in (ps, worst, least))
        )
        for index, each in enumerate(tested_arms)
    ]


def _test_arms(first: Arm, second: Arm, warnings: Sequence[str]) -> _TestedArms:
    running = tuple(progress(arm) for arm in (first, second) if not arm.campaign.phase.terminal)
    tested = _test(first.trials, second.trials, skip=bool(running))
    return _TestedArms(first, second, tuple(warnings), running, tested, _test_at_worst(first, second, tested))


def _test(first: Sequence[Trial], second: Sequence[Trial], skip: bool = False) -> _TestResult:
    pairing = pair(first, second)
    untested = _TestResult(pairing)
    if skip or not enough(*untested.sizes, pairing.paired):
        return untested
    deadline = shared_deadline((*pairing.first, *pairing.second))
    ours, theirs = (restricted_times(each, deadline) for each in (pairing.first, pairing.second))
    tested = difference(ours, theirs, pairing.paired, deadline)
    recovered = [[_recovered(trial, deadline) for trial in each] for each in (pairing.first, pairing.second)]
    return replace(
        untested,
        deadline=deadline,
        difference=tested,
        rates=rate_difference(recovered[0], recovered[1], pairing.paired),
    )


def _recovered(trial: Trial, deadline: float) -> bool:
    return trial.recovered_in_time is not None and trial.recovered_in_time <= deadline


def _test_at_worst(first: Arm, second: Arm, tested: _TestResult) -> _TestResult:
    """Repeats the test as if the unscored trials of the better arm (of both, where none is) had not recovered."""
    if tested.difference is None or all(trial.outcome.scored for arm in (first, second) for trial in arm.trials):
        return tested
    conclusion = conclude(tested.difference, tested.difference.p)
    return _test(
        first.trials if conclusion is Conclusion.WORSE else at_worst(first.trials),
        second.trials if conclusion is Conclusion.BETTER else at_worst(second.trials),
    )


def _conclude(arms: _TestedArms, comparisons: int, p: float, worst_p: float, least: float) -> Comparison:
    first, second, tested, names = arms.first, arms.second, arms.tested, (arms.first.name, arms.second.name)
    analyses = analyze(first.campaign, first.trials), analyze(second.campaign, second.trials)
    conclusion, worst = conclude(tested.difference, p), conclude(arms.at_worst.difference, worst_p)
    paired, sizes = tested.pairing.paired, tested.sizes
    if arms.running:
        conclusion = worst = Conclusion.INTERIM
        text = interim(names, arms.running, sizes)
    elif tested.difference is None or tested.rates is None or tested.deadline is None or least > LEVEL:
        conclusion = worst = Conclusion.TOO_FEW
        text = too_few(names, sizes, paired, comparisons if tested.difference is not None else 1, least)
    else:
        text = sentence(conclusion, names, paired, tested.deadline, tested.difference, tested.rates, p, comparisons)
    decided = conclusion not in (Conclusion.INTERIM, Conclusion.TOO_FEW)
    return Comparison(
        names=names,
        conclusion=conclusion,
        sentence=text,
        circumstances=circumstances(first.campaign, second.campaign, (*first.trials, *second.trials)),
        warnings=arms.warnings,
        notes=(
            *(worst_case(names, analyses, conclusion, worst) if decided else ()),
            *notes(first, second, analyses, tested.deadline),
        ),
        deadline=tested.deadline,
        paired=paired,
        sizes=sizes,
        left_out=tested.pairing.left_out,
        difference=tested.difference,
        rates=tested.rates,
        p=p if decided else None,
        worst_case=worst,
        comparisons=comparisons,
        first=analyses[0],
        second=analyses[1],
    )
