"""How values look to people. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime

from controller.api import Mode, Outcome
from controller.reading.protocol import CampaignCounts
from controller.records.rows import AttemptSummary

NOTHING = "-"


def seconds(value: float | None) -> str:
    """A duration: `3.4s`."""
    return NOTHING if value is None else f"{value:.1f}s"


def offset(value: float | None) -> str:
    """Seconds since the injection: `+3.4s`; before it, `-3.4s`."""
    return NOTHING if value is None else f"{value:+.1f}s"


def minute(time: datetime | None) -> str:
    """A UTC time to the minute, marked as such."""
    return NOTHING if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def second(time: datetime | None) -> str:
    """A UTC time to the second; the heading says that it is UTC."""
    return NOTHING if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def progress(row: CampaignCounts) -> str:
    """Trials done of those planned: `3/5`."""
    return f"{row.done}/{row.campaign.planned}"


def recovered(row: CampaignCounts) -> str:
    """The recovery rate with its n: `2/3 (67%)`; nothing to say about none, nor where nothing was broken."""
    return share(row.recovered, row.scored) if row.campaign.mode.injects else NOTHING


def resolved(row: CampaignCounts) -> str:
    """The resolution rate of an agent, likewise."""
    agents = row.campaign.mode is Mode.AGENT
    return share(row.outcomes.get(Outcome.RESOLVED, 0), row.scored) if agents else NOTHING


def false_alarms(row: CampaignCounts) -> str:
    """The rate of false alarms in a control, likewise."""
    control = row.campaign.mode is Mode.CONTROL
    return share(row.outcomes.get(Outcome.FALSE_ALARM, 0), row.scored) if control else NOTHING


def share(part: int, whole: int) -> str:
    """A rate with its n; nothing to say about none."""
    return f"{part}/{whole} ({part / whole:.0%})" if whole else NOTHING


def median(row: CampaignCounts, value: float | None) -> str:
    """One of its medians, censored at the deadline: `>60s` where half or more had not come to it by then."""
    if not row.scored or not row.campaign.mode.injects:
        return NOTHING
    return f">{row.campaign.spec['observeSeconds']}s" if value is None else seconds(value)


def outcome(attempt: AttemptSummary) -> str:
    """How the attempt ended, or the step it is in."""
    return f"({attempt.step})" if attempt.outcome is None else str(attempt.outcome)


def recovery(attempt: AttemptSummary) -> str:
    """When it recovered, after the injection; `>60s` where a scored attempt had not by its deadline."""
    return _censored(attempt, attempt.recovered_at, attempt.outcome is not None and attempt.outcome.scored)


def serving(attempt: AttemptSummary) -> str:
    """When clients were seen served again; `>60s` where they were cut off and had not been by the deadline."""
    ended = attempt.outcome is not None and attempt.outcome.scored
    return _censored(attempt, attempt.serving_again_at, ended and attempt.serving_lost_at is not None)


def _censored(attempt: AttemptSummary, at: datetime | None, censored: bool) -> str:
    if at is None and censored and attempt.window is not None:
        return f">{attempt.window:.0f}s"
    return offset(attempt.since_injection(at))
