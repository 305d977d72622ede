"""Attempts that are not scored. If they are lost because of what they would have shown, the rest shows too much.

An agent whose failures end as InfraError, and are run again until one succeeds, looks as good as one that never fails.
So both arms' losses are counted, and the conclusion is made once more with the worst that can be made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from controller.analysis.conclusion import Conclusion
from controller.analysis.summary import Analysis
from controller.analysis.trial import Trial
from controller.api import Outcome


def unscored(analysis: Analysis) -> str:
    """`3 of 11 attempts (InfraError 2, Aborted 1)`, or `0 of 8 attempts`."""
    lost, ended = sum(analysis.unscored.values()), sum(analysis.outcomes.values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in analysis.unscored.items())
    return f"{lost} of {ended} attempts{f' ({reasons})' if reasons else ''}"


def differing_loss(names: tuple[str, str], first: Analysis, second: Analysis) -> str | None:
    """A sentence where one arm lost another share of its attempts, or lost them otherwise, than the other one."""
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
    """A sentence on the conclusion if the lost trials of the arm that is ahead had failed; none where none was lost."""
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
    """The arm as if every trial with an attempt that is not scored had stayed unrecovered up to its deadline.

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
