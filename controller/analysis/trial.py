"""What statistics need of an attempt that ended, and the campaign that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controller.api import Mode, Outcome
from controller.records.rows import CampaignRow, CommandCounts

DETECTED = frozenset(outcome for outcome in Outcome if outcome.detected)
"""The outcomes of trials in which the agent had a ticket in time, while there was a fault to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An attempt that ended. Times are seconds after the injection (in a control: after the watch began), None where it
    did not happen.

    `commands` is None where no log of commands was kept, which is not the same as an empty one.
    """

    trial: int
    attempt: int
    seed: int
    outcome: Outcome
    window: float | None
    """Seconds to the deadline. An event that had not happened by then is censored there."""
    recovered: float | None = None
    detected: float | None = None
    resolved: float | None = None
    commands: CommandCounts | None = None
    false_alarms: int | None = None
    """Tickets in the quiet period, before the injection; None where they were not counted."""
    flags: tuple[str, ...] = ()

    @property
    def deadline(self) -> float:
        """The window of a scored trial, which always has one."""
        assert self.window is not None, f"trial {self.trial} is {self.outcome} and has no deadline"
        return self.window

    @property
    def recovered_in_time(self) -> float | None:
        """Seconds to recover; None where that was not by the deadline."""
        return self.recovered if self.recovered is not None and self.recovered <= self.deadline else None


def scored(trials: Iterable[Trial]) -> list[Trial]:
    """Returns the scored trials. Their number is the n of every rate."""
    return [trial for trial in trials if trial.outcome.scored]


@dataclass(frozen=True, slots=True)
class Arm:
    """A campaign and its trials, by the name that is shown.

    `controls` is how many control campaigns of the same agent have scored trials; None where nobody looked.
    """

    name: str
    campaign: CampaignRow
    trials: Sequence[Trial]
    controls: int | None = None


def controls_of(campaign: CampaignRow, among: Iterable[CampaignRow]) -> int:
    """Returns how many of these campaigns are controls of the campaign's agent, on the same subject.

    Two campaigns have the same agent if they name the same variant. Where no variant is named, they have the same agent
    if its Deployment, its source and the source's options are the same.
    """
    return sum(
        row.mode is Mode.CONTROL and (row.subject, _agent(row)) == (campaign.subject, _agent(campaign)) for row in among
    )


def _agent(campaign: CampaignRow) -> object:
    """Returns what identifies the campaign's agent: its variant, else its Deployment, its source and their options."""
    if campaign.variant:
        return campaign.variant
    agent = campaign.spec.get("agent") or {}
    workload = agent.get("workload") or {}
    return (
        (workload.get("namespace") or "", workload.get("name") or ""),
        agent.get("source"),
        agent.get("path") or "",
        agent.get("sourceOptions") or {},
    )
