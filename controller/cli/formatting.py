"""Formats values for tables and sentences. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime

from controller.api import Mode, Outcome
from controller.reading.protocol import CampaignCounts
from controller.records.rows import AttemptSummary

NOTHING = "-"


def seconds(value: float | None) -> str:
    """Returns a duration, such as `3.4s`."""
    return NOTHING if value is None else f"{value:.1f}s"


def offset(value: float | None) -> str:
    """Returns seconds since the injection, such as `+3.4s`; before it, `-3.4s`."""
    return NOTHING if value is None else f"{value:+.1f}s"


def minute(time: datetime | None) -> str:
    """Returns a UTC time to the minute, with a Z."""
    return NOTHING if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def second(time: datetime | None) -> str:
    """Returns a UTC time to the second, without a zone, which the heading names."""
    return NOTHING if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def progress(row: CampaignCounts) -> str:
    """Returns the numbers of trials done and planned: `3/5`."""
    return f"{row.done}/{row.campaign.planned}"


def recovered(row: CampaignCounts) -> str:
    """Returns the recovery rate with its n: `2/3 (67%)`; `-` in a control and where nothing was scored."""
    return share(row.recovered, row.scored) if row.campaign.mode.injects else NOTHING


def resolved(row: CampaignCounts) -> str:
    """Returns the resolution rate of an agent with its n; `-` in other modes."""
    agents = row.campaign.mode is Mode.AGENT
    return share(row.outcomes.get(Outcome.RESOLVED, 0), row.scored) if agents else NOTHING


def false_alarms(row: CampaignCounts) -> str:
    """Returns the rate of false alarms of a control with its n; `-` in other modes."""
    control = row.campaign.mode is Mode.CONTROL
    return share(row.outcomes.get(Outcome.FALSE_ALARM, 0), row.scored) if control else NOTHING


def share(part: int, whole: int) -> str:
    """Returns a rate with its n: `2/3 (67%)`; `-` where n is 0."""
    return f"{part}/{whole} ({part / whole:.0%})" if whole else NOTHING


def median(row: CampaignCounts, value: float | None) -> str:
    """Returns a median time, censored at the deadline: `>60s` where half or more trials were still open then."""
    if not row.scored or not row.campaign.mode.injects:
        return NOTHING
    return f">{row.campaign.spec['observeSeconds']}s" if value is None else seconds(value)


def outcome(attempt: AttemptSummary) -> str:
    """Returns the attempt's outcome, or its current step in parentheses."""
    return f"({attempt.step})" if attempt.outcome is None else str(attempt.outcome)


def recovery(attempt: AttemptSummary) -> str:
    """Returns the time to recover; `>60s` where a scored attempt had not recovered by its deadline."""
    return _censored(attempt, attempt.recovered_at, attempt.outcome is not None and attempt.outcome.scored)


def serving(attempt: AttemptSummary) -> str:
    """Returns the time until clients were served again; `>60s` where they were cut off up to the deadline."""
    ended = attempt.outcome is not None and attempt.outcome.scored
    return _censored(attempt, attempt.serving_again_at, ended and attempt.serving_lost_at is not None)


def _censored(attempt: AttemptSummary, at: datetime | None, censored: bool) -> str:
    if at is None and censored and attempt.window is not None:
        return f">{attempt.window:.0f}s"
    return offset(attempt.since_injection(at))
