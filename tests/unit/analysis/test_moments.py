"""The recorded times of an attempt, and the words that every listing shows for them."""

from __future__ import annotations

from controller.analysis.moments import DURATIONS, MOMENTS
from controller.api import RecentAttempt
from controller.records.rows import AttemptSummary


def test_every_moment_is_an_attribute_of_an_attempt() -> None:
    for moment in MOMENTS:
        fields = set(AttemptSummary.__dataclass_fields__) | set(dir(AttemptSummary))
        assert moment.attribute in fields


def test_every_duration_is_known_of_an_attempt_and_in_a_campaigns_status() -> None:
    assert [moment.happened for moment in DURATIONS] == ["detected", "called resolved", "recovered"]
    for moment in DURATIONS:
        assert moment.duration in dir(AttemptSummary) and moment.duration in RecentAttempt.model_fields
