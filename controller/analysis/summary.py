"""All numbers of one campaign, and the medians and ranges of its agent's commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from controller.analysis.incidence import Incidence, detection, resolution
from controller.analysis.rates import Rate, rate
from controller.analysis.survival import (
    Curve,
    Median,
    RestrictedMean,
    kaplan_meier,
    restricted_mean,
    restricted_times,
    shared_deadline,
)
from controller.analysis.trial import DETECTED, Trial, scored
from controller.api import Mode, Outcome
from controller.records.rows import CampaignRow, Flag

COUNTED = ("total", "unique", "repeated", "mutating", "destructive")


@dataclass(frozen=True, slots=True)
class CommandStatistics:
    """The number of commands of one kind per trial, over `n` trials.

    The logs of `incomplete` trials are partial, so their counts are lower bounds.
    """

    kind: str
    median: float
    least: int
    most: int
    n: int
    incomplete: int


def command_statistics(trials: Sequence[Trial]) -> tuple[CommandStatistics, ...]:
    """Returns one CommandStatistics for each kind in COUNTED; none where no trial has a log."""
    logged = [trial for trial in trials if trial.commands is not None]
    if not logged:
        return ()
    incomplete = sum(Flag.COMMANDS_INCOMPLETE in trial.flags for trial in logged)
    return tuple(_command_statistics(kind, logged, incomplete) for kind in COUNTED)


def _command_statistics(kind: str, logged: Sequence[Trial], incomplete: int) -> CommandStatistics:
    counts = [getattr(trial.commands, kind) for trial in logged]
    return CommandStatistics(kind, float(median(counts)), min(counts), max(counts), len(counts), incomplete)


@dataclass(frozen=True, slots=True)
class Recovery:
    """The time to recover: Kaplan-Meier curve, median, and mean up to the deadline."""

    curve: Curve
    median: Median
    restricted_mean: RestrictedMean


@dataclass(frozen=True, slots=True)
class Analysis:
    """A campaign's numbers. Those that the mode does not have, or that need scored trials, are None or empty.

    `outcomes` counts attempts, `unscored` the attempts that are not scored, by outcome, and `flags` scored trials.
    """

    campaign: CampaignRow
    scored: int
    outcomes: Mapping[str, int]
    unscored: Mapping[str, int]
    flags: Mapping[str, int]
    rates: Mapping[str, Rate]
    recovery: Recovery | None
    detection: Incidence | None
    resolution: Incidence | None
    commands: tuple[CommandStatistics, ...]


def analyze(campaign: CampaignRow, trials: Sequence[Trial]) -> Analysis:
    """Returns the numbers of these attempts, all of which ended.

    A trial with the flag AgentSightLost counts in no rate and no time of the agent.
    """
    counting = scored(trials)
    watched = [trial for trial in counting if Flag.AGENT_SIGHT_LOST not in trial.flags]
    with_agent = campaign.mode is Mode.AGENT and bool(watched)
    outcomes = Counter(trial.outcome for trial in trials)
    return Analysis(
        campaign=campaign,
        scored=len(counting),
        outcomes={outcome.value: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
        unscored={outcome.value: outcomes[outcome] for outcome in Outcome if outcomes[outcome] and not outcome.scored},
        flags=dict(sorted(Counter(str(flag) for trial in counting for flag in trial.flags).items())),
        rates=_rates(campaign.mode, counting, watched) | _early_alarms(campaign, watched),
        recovery=_recovery(counting) if campaign.mode.injects and counting else None,
        detection=detection(watched) if with_agent else None,
        resolution=resolution(watched) if with_agent else None,
        commands=command_statistics(counting),
    )


def _rates(mode: Mode, trials: Sequence[Trial], watched: Sequence[Trial]) -> dict[str, Rate]:
    """Returns the rates. `watched` are the trials in which the agent was observed to the end."""

    def share(*scored: Outcome) -> Rate:
        return rate(sum(trial.outcome in scored for trial in watched), len(watched))

    if mode is Mode.CONTROL:
        return {"quiet": share(Outcome.QUIET), "false_alarm": share(Outcome.FALSE_ALARM)}
    recovery = {"recovery": rate(sum(trial.recovered_in_time is not None for trial in trials), len(trials))}
    if mode is Mode.BASELINE:
        return recovery
    return recovery | {
        "resolution": share(Outcome.RESOLVED),
        "detection": share(*DETECTED),
        "false_resolution": share(Outcome.FALSE_RESOLUTION),
        "self_healed": share(Outcome.SELF_HEALED),
    }


def _early_alarms(campaign: CampaignRow, watched: Sequence[Trial]) -> dict[str, Rate]:
    """Returns the rate of trials with a ticket before the injection, where there was a quiet period."""
    quiet = campaign.spec.get("quietPeriod", {}).get("maxSeconds", 0)
    alarmed = [trial.false_alarms > 0 for trial in watched if trial.false_alarms is not None]
    if campaign.mode is not Mode.AGENT or not quiet or not alarmed:
        return {}
    return {"early_alarm": rate(sum(alarmed), len(alarmed))}


def _recovery(trials: Sequence[Trial]) -> Recovery:
    deadline = shared_deadline(trials)
    in_time = [trial.recovered_in_time for trial in trials]
    ends = [trial.deadline if time is None else time for trial, time in zip(trials, in_time, strict=True)]
    curve = kaplan_meier(ends, [time is not None for time in in_time])
    return Recovery(curve, curve.median, restricted_mean(restricted_times(trials, deadline), deadline))
