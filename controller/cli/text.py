"""How values look to people. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime

from controller.records.rows import AttemptSummary, CampaignRow, Tally
from controller.statistics import censored_median

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


def progress(campaign: CampaignRow, tally: Tally) -> str:
    """Trials done of those planned: `3/5`."""
    return f"{tally.done}/{campaign.planned}"


def recovered(tally: Tally) -> str:
    """The recovery rate with its n: `2/3 (67%)`; nothing to say about none."""
    return f"{tally.recovered}/{tally.scored} ({tally.recovered / tally.scored:.0%})" if tally.scored else NOTHING


def median(campaign: CampaignRow, tally: Tally) -> str:
    """The median time to recover, censored at the deadline: `>60s` where half or more had not recovered by then."""
    if not tally.scored:
        return NOTHING
    value = censored_median(tally.recovery_times)
    return f">{campaign.spec['observeSeconds']}s" if value is None else seconds(value)


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
