"""The recorded times of an attempt, with the words that every listing shows for them. Pure.

The timeline of `show`, the report's line, JUnit output and the lines of `run` and `watch` all use this one list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One recorded time: its name, the attribute of an attempt that holds it, a short label, and what it means.

    `duration` is the attribute of an attempt that holds the seconds (in a campaign's status: the text) since the
    injection, and `happened` the words before that duration. Both are empty for times that the listings of durations
    leave out.
    """

    name: str
    attribute: str
    label: str
    meaning: str
    duration: str = ""
    happened: str = ""


MOMENTS = (
    Moment("injected", "chaos_injected_at", "injected", "the request that was accepted was sent"),
    Moment("manifested", "manifested_at", "first sign of the fault", "first sign of the fault"),
    Moment("serving lost", "serving_lost_at", "clients cut off", "clients are cut off"),
    Moment(
        *("detected", "detected_at", "detected by the agent", "the agent has a ticket"),
        duration="time_to_detect",
        happened="detected",
    ),
    Moment(
        *("resolved", "resolution_at", "called resolved by the agent", "the agent calls it resolved"),
        duration="time_to_resolve",
        happened="called resolved",
    ),
    Moment("serving again", "serving_again_at", "clients served again", "clients are served"),
    Moment(
        *("recovered", "recovered_at", "healthy again", "healthy from here on"),
        duration="time_to_recover",
        happened="recovered",
    ),
    Moment("deadline", "deadline_at", "deadline", "end of the observation window"),
)
"""All recorded times, in the order in which they usually happen."""

DURATIONS = tuple(moment for moment in MOMENTS if moment.duration)
"""The times that listings show as a duration since the injection: detected, called resolved, recovered."""
