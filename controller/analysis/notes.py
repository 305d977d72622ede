"""What has to be known beside a conclusion: sentences on the two arms, each made of what is at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from controller.analysis.arm import Arm
from controller.analysis.loss import differing_loss
from controller.analysis.summary import Analysis
from controller.analysis.trial import scored
from controller.api import Mode, Phase


def notes(first: Arm, second: Arm, analyses: tuple[Analysis, Analysis], deadline: float | None) -> Iterator[str]:
    """In a fixed order. `deadline`: seconds, up to which the two are compared; None where they are not."""
    arms = first, second
    yield from _windows(arms, deadline)
    for arm in arms:
        yield from _ended_early(arm)
    if (said := differing_loss((first.name, second.name), *analyses)) is not None:
        yield said
    for arm in arms:
        yield from _flags(arm)
    for arm in arms:
        if arm.campaign.mode is Mode.AGENT and arm.controls == 0:
            yield (
                f"No control campaign of the agent of {arm.name} has a scored trial: how often it raises an alarm "
                "where nothing is broken is unknown."
            )


def progress(arm: Arm) -> str:
    """`demo is Running, with 8 of 50 trials scored`."""
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
        said = ", ".join(f"{flag} {count}" for flag, count in sorted(counts.items()))
        yield f"Flags of {arm.name}, of {len(arm.trials)} attempts: {said}."
