"""Campaigns whose windows last fractions of a second, which the API would not take: a trial in 0.2 s."""

from __future__ import annotations

from controller.api import CampaignSpec, Deadlines, QuietPeriod


class QuickDeadlines(Deadlines):
    """Step deadlines in fractions of a second."""

    healthy_seconds: float = 30  # type: ignore[assignment]
    inject_seconds: float = 30  # type: ignore[assignment]
    cleanup_seconds: float = 30  # type: ignore[assignment]
    attempt_seconds: float = 0  # type: ignore[assignment]


class QuickQuietPeriod(QuietPeriod):
    """None, unless a test is about it."""

    min_seconds: float = 0  # type: ignore[assignment]
    max_seconds: float = 0  # type: ignore[assignment]


class QuickSpec(CampaignSpec):
    """Durations in fractions of a second."""

    trials: int = 1
    quiet_period: QuickQuietPeriod = QuickQuietPeriod()
    observe_seconds: float = 20  # type: ignore[assignment]
    settle_seconds: float = 0.05  # type: ignore[assignment]
    max_blind_seconds: float = 10  # type: ignore[assignment]
    start_deadline_seconds: float = 60  # type: ignore[assignment]
    active_deadline_seconds: float = 0  # type: ignore[assignment]
    cooldown_seconds: float = 0  # type: ignore[assignment]
    deadlines: QuickDeadlines = QuickDeadlines()
