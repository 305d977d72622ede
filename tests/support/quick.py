"""Campaigns whose windows last fractions of a second, which the API would not take: a trial in 0.2 s."""

from __future__ import annotations

from controller.api import CampaignSpec, Deadlines, QuietPeriod


class QuickDeadlines(Deadlines):
    """Step deadlines in fractions of a second."""

    healthy_seconds: float = 30
    inject_seconds: float = 30
    cleanup_seconds: float = 30
    attempt_seconds: float = 0


class QuickQuietPeriod(QuietPeriod):
    """None, unless a test is about it."""

    min_seconds: float = 0
    max_seconds: float = 0


class QuickSpec(CampaignSpec):
    """Durations in fractions of a second."""

    trials: int = 1
    quiet_period: QuickQuietPeriod = QuickQuietPeriod()
    observe_seconds: float = 20
    settle_seconds: float = 0.05
    max_blind_seconds: float = 10
    start_deadline_seconds: float = 60
    active_deadline_seconds: float = 0
    cooldown_seconds: float = 0
    deadlines: QuickDeadlines = QuickDeadlines()
