"""The conclusion of a comparison, and sentences on lost attempts, on the arms, and on how they ran. Pure.

An agent whose failures end as InfraError, and are run again until one succeeds, looks as good as one that never fails.
So the lost attempts of both arms are counted, and a second conclusion is drawn as if they had not recovered.

A sentence says whether the two campaigns took turns, because anything else that changed between them is part of the
difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from controller.analysis.intervals import RateDifference
from controller.analysis.permutation import Difference
from controller.analysis.significance import LEVEL, fewest_pairs, least_p
from controller.analysis.summary import Analysis
from controller.analysis.trial import Arm, Trial, scored
from controller.api import Mode, Outcome, Phase
from controller.records.rows import CampaignRow, Flag

EQUALLY_LONG = "as long"


class Conclusion(StrEnum):
    """The conclusion about the first campaign, compared with the second."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no detectable difference"
    TOO_FEW = "too few trials"
    INTERIM = "interim"


def conclude(difference: Difference | None, p: float | None) -> Conclusion:
    """Returns the conclusion for a p-value, adjusted where several were compared. Less time unrecovered is better."""
    if difference is None or p is None:
        return Conclusion.TOO_FEW
    if p > LEVEL:
        return Conclusion.NO_DIFFERENCE
    return Conclusion.BETTER if difference.value < 0 else Conclusion.WORSE


def interim(names: tuple[str, str], running: tuple[str, ...], sizes: tuple[int, int]) -> str:
    """Returns the sentence where an arm still runs. `running` has the progress of each such arm."""
    return (
        f"Interim, no conclusion: {' and '.join(running)}. Until now {names[0]} has {sizes[0]} trials that count and "
        f"{names[1]} has {sizes[1]}; who looks after every trial and stops at a winner finds winners among equals."
    )


def too_few(names: tuple[str, str], sizes: tuple[int, int], paired: bool, comparisons: int, adjusted: float) -> str:
    """Returns the sentence for too few trials. `adjusted` is the smallest p-value there could be after Holm."""
    least = least_p(*sizes, paired)
    have = f"{names[0]} has {sizes[0]} and {names[1]} has {sizes[1]} that count{' in pairs' if paired else ''}"
    if not min(sizes):
        return f"Too few trials: {have}."
    sentence = f"Too few trials: {have}, and the smallest p that any result of so few can have is {least:.3g}"
    if comparisons > 1:
        sentence += f", or {adjusted:.3g} when it is one of {comparisons} comparisons (Holm)"
    return f"{sentence}. A winner takes p of at most {LEVEL:g}, so at least {_of(fewest_pairs(comparisons))} in pairs."


def sentence(
    conclusion: Conclusion,
    names: tuple[str, str],
    paired: bool,
    deadline: float,
    difference: Difference,
    rates: RateDifference,
    p: float,
    comparisons: int,
) -> str:
    """Returns the sentence on the difference, with the recoveries of both. `deadline` is in seconds."""
    first, second = names
    trials = f"{rates.sizes[0]} pairs of trials" if paired else f"{rates.sizes[0]} and {rates.sizes[1]} trials"
    within, spent = f"within the first {deadline:g} s of a trial", _spent(difference)
    interval = f"95 % interval of the difference {difference.low:+.2f} to {difference.high:+.2f} s"
    adjusted = f" adjusted for {comparisons} comparisons (Holm), as nothing else here is" if comparisons > 1 else ""
    numbers = f"{interval}, {_p(p)}{adjusted}, {trials}"
    recoveries = f"Recovered by then: {_of(rates.recovered[0], rates.sizes[0])} of {first}, "
    recoveries += f"{_of(rates.recovered[1], rates.sizes[1])} of {second} ({_rates(rates)})."
    if not any(rates.recovered):
        sentence = f"No detectable difference between {first} and {second}: neither recovered within {deadline:g} s"
        return f"{sentence} in any trial ({numbers}). {recoveries}"
    if conclusion is Conclusion.NO_DIFFERENCE:
        sentence = (
            f"No detectable difference between {first} and {second}: {within}, {first} was unrecovered for {spent}"
        )
    else:
        sentence = f"{first} is {conclusion} than {second}: {within} it was unrecovered for {spent}"
    return " ".join(
        [f"{sentence}, on average ({numbers}).", recoveries, *_disagreement(conclusion, names, difference, rates)]
    )


def _spent(difference: Difference) -> str:
    """Returns the seconds, with as many digits as distinguish them from 0."""
    amount = abs(difference.value)
    if amount < 1e-9:
        return EQUALLY_LONG
    seconds = f"{amount:.1f}" if amount >= 0.05 else f"{amount:.1g}"
    return f"{seconds} s {'less' if difference.value < 0 else 'more'}"


def _disagreement(
    conclusion: Conclusion, names: tuple[str, str], difference: Difference, rates: RateDifference
) -> tuple[str, ...]:
    """Returns a sentence where rate and time favour different arms, or only one of them favours an arm."""
    first = names[0]
    if rates.value * difference.value > 0 and _spent(difference) != EQUALLY_LONG:
        less = "less" if difference.value < 0 else "more"
        often = "less often" if rates.value < 0 else "more often"
        return (f"Rate and time disagree: {first} was unrecovered for {less} time, and yet recovered {often}.",)
    if conclusion is Conclusion.NO_DIFFERENCE and rates.significant:
        often = "more" if rates.value > 0 else "less"
        return (f"Rate and time disagree: the times do not tell the two apart; {first} recovered {often} often.",)
    return ()


def _rates(rates: RateDifference) -> str:
    value, low, high = (f"{share * 100:+.0f}" for share in (rates.value, rates.low, rates.high))
    return f"difference {value} points, 95 % interval {low} to {high} points, {_p(rates.p)} by {rates.test}"


def _of(count: int, n: int | None = None) -> str:
    return f"{count} of {n}" if n is not None else f"{count} trials each"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3g}"


def unscored(analysis: Analysis) -> str:
    """Returns the unscored attempts: `3 of 11 attempts (InfraError 2, Aborted 1)`, or `0 of 8 attempts`."""
    lost, ended = sum(analysis.unscored.values()), sum(analysis.outcomes.values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in analysis.unscored.items())
    return f"{lost} of {ended} attempts{f' ({reasons})' if reasons else ''}"


def differing_loss(names: tuple[str, str], first: Analysis, second: Analysis) -> str | None:
    """Returns a sentence where the arms lost different shares of their attempts, or lost them for different reasons."""
    ours, theirs = (_shares(analysis.unscored, analysis.outcomes) for analysis in (first, second))
    if ours == theirs:
        return None
    return (
        f"The arms lost attempts differently: not scored are {unscored(first)} of {names[0]}, and {unscored(second)} "
        f"of {names[1]}. If that has to do with what those would have shown, so has the difference."
    )


def worst_case(
    names: tuple[str, str], analyses: tuple[Analysis, Analysis], conclusion: Conclusion, at_worst: Conclusion
) -> tuple[str, ...]:
    """Returns the conclusion as if the lost trials of the arm that is ahead had failed; none where none was lost."""
    ahead = {Conclusion.BETTER: (0,), Conclusion.WORSE: (1,)}.get(conclusion, (0, 1))
    losing = [names[arm] for arm in ahead if analyses[arm].unscored]
    if not losing:
        return ()
    stays = "stays" if at_worst is conclusion else "would be"
    return (
        f"Worst case: had the trials of {' and '.join(losing)} with an attempt that is not scored stayed unrecovered "
        f"up to the deadline, the conclusion {stays}: {at_worst}.",
    )


def at_worst(trials: Sequence[Trial]) -> list[Trial]:
    """Returns the arm as if every trial with an attempt that is not scored had stayed unrecovered up to its deadline.

    Also where the trial was run again and scored then: the first attempt is what happened. A trial that never was
    scored counts with the window of the others; of an arm without any it is unknown, and nothing is made up.
    """
    windows = [trial.deadline for trial in trials if trial.outcome.scored]
    lost = {trial.trial: trial for trial in trials if not trial.outcome.scored}
    if not windows:
        return list(trials)
    kept = [trial for trial in trials if trial.trial not in lost]
    failed = [
        replace(trial, outcome=Outcome.NOT_HEALED, window=min(windows), recovered=None) for trial in lost.values()
    ]
    return sorted([*kept, *failed], key=lambda trial: trial.trial)


def _shares(unscored: Mapping[str, int], outcomes: Mapping[str, int]) -> dict[str, float]:
    ended = sum(outcomes.values())
    return {reason: count / ended for reason, count in unscored.items()}


def notes(first: Arm, second: Arm, analyses: tuple[Analysis, Analysis], deadline: float | None) -> Iterator[str]:
    """Yields notes in a fixed order. Both are compared up to `deadline` (seconds); None where they are not compared."""
    arms = first, second
    yield from _windows(arms, deadline)
    for arm in arms:
        yield from _ended_early(arm)
    if (sentence := differing_loss((first.name, second.name), *analyses)) is not None:
        yield sentence
    for arm in arms:
        yield from _flags(arm)
    for arm in arms:
        if arm.campaign.mode is Mode.AGENT and arm.controls == 0:
            yield (
                f"No control campaign of the agent of {arm.name} has a scored trial: how often it raises an alarm "
                "where nothing is broken is unknown."
            )


def progress(arm: Arm) -> str:
    """Returns the progress of an arm: `demo is Running, with 8 of 50 trials scored`."""
    of = arm.campaign
    return f"{arm.name} is {of.phase.value}, with {len(scored(arm.trials))} of {of.planned} trials scored"


def _windows(arms: tuple[Arm, Arm], deadline: float | None) -> Iterator[str]:
    if deadline is None:
        return
    for arm in arms:
        counting = scored(arm.trials)
        longer = [trial for trial in counting if trial.deadline > deadline]
        if longer:
            late = sum(trial.recovered_in_time is not None and trial.recovered_in_time > deadline for trial in longer)
            yield (
                f"{arm.name} was watched for up to {max(trial.deadline for trial in longer):g} s, and only the first "
                f"{deadline:g} s, which both have, are compared: {late} of its {len(counting)} trials recovered after "
                "that, and count as unrecovered."
            )


def _ended_early(arm: Arm) -> Iterator[str]:
    of = arm.campaign
    if of.phase in (Phase.FAILED, Phase.ABORTED):
        why = f" ({of.reason})" if of.reason else ""
        yield (
            f"{progress(arm)}{why}: where it ended because of what it had shown, the p-value and the intervals do not "
            "hold."
        )


def _flags(arm: Arm) -> Iterator[str]:
    counts = Counter(str(flag) for trial in arm.trials for flag in trial.flags)
    if counts:
        sentence = ", ".join(f"{flag} {count}" for flag, count in sorted(counts.items()))
        yield f"Flags of {arm.name}, of {len(arm.trials)} attempts: {sentence}."


UNITS = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
"""Seconds in each, the longest first."""

DRIFT = "what changed meanwhile (drift) cannot be told from an effect"


def in_turns(first: CampaignRow, second: CampaignRow) -> bool:
    """Returns whether the two are the arms of one experiment, planned to take turns on their subject."""
    ours, theirs = (row.spec.get("interleave") or {} for row in (first, second))
    group = (first.namespace, ours.get("group"))
    return bool(ours.get("group")) and group == (second.namespace, theirs.get("group")) and ours != theirs


def circumstances(first: CampaignRow, second: CampaignRow, trials: Iterable[Trial]) -> str:
    """Returns a sentence on whether they took turns. `trials` are those of both campaigns."""
    if in_turns(first, second):
        return _turns([trial.trial for trial in trials if Flag.UNPAIRED in trial.flags])
    earlier, later = sorted((first, second), key=lambda row: row.started_at or row.created_at)
    begun, over = later.started_at, earlier.finished_at
    if begun is None or over is None:
        return f"They did not take turns, and one of them is not over: {DRIFT}."
    apart = (begun - over).total_seconds()
    when = "while the other ran" if apart < 0 else f"{_span(apart)} after the other had ended"
    return f"They did not take turns: one began {when}, and {DRIFT}."


def _turns(alone: list[int]) -> str:
    if not alone:
        return "They took turns, trial by trial."
    if (first := min(alone)) == 1:
        return f"They were to take turns, and did not: {DRIFT}."
    return f"They took turns up to trial {first - 1}; from trial {first} on one of them ran alone, and there {DRIFT}."


def _span(seconds: float) -> str:
    size, unit = next((each for each in UNITS if seconds >= 2 * each[0]), UNITS[-1])
    return f"{seconds / size:.0f} {unit}"
