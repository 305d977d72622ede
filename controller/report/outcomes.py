"""Outcomes as the page shows them: in a colour, with a sign beside it for who cannot tell colours, and in words."""

from __future__ import annotations

from controller.analysis.junit import PASSED
from controller.api import Outcome

HALF = frozenset({Outcome.DETECTED_UNRESOLVED, Outcome.FALSE_RESOLUTION})

SIGNS = {"good": "✓", "half": "◐", "bad": "✕", "none": "○"}

WORDS = {
    Outcome.RESOLVED: "found, called resolved, and so it was",
    Outcome.FALSE_RESOLUTION: "found, called resolved, and it was not",
    Outcome.DETECTED_UNRESOLVED: "found, and not called resolved in time",
    Outcome.UNDETECTED: "not found, and it did not recover",
    Outcome.SELF_HEALED: "recovered with nobody acting",
    Outcome.NOT_HEALED: "did not recover in time",
    Outcome.QUIET: "nothing was broken, and no alarm was raised",
    Outcome.FALSE_ALARM: "nothing was broken, and an alarm was raised",
    Outcome.NOT_MANIFESTED: "the fault never showed; not counted",
    Outcome.INFRA_ERROR: "it could not be run, or not be seen; not counted, and run again",
    Outcome.INTERRUPTED: "the controller was stopped; not counted, and run again",
    Outcome.ABORTED: "the campaign was ended; not counted",
}
"""What each means, to somebody who has read nothing else."""


def outcome_kind(outcome: Outcome | None) -> str:
    """`good`, `half`, `bad`, or `none` for what says nothing: which colour and which of the SIGNS it has."""
    if outcome is None or not outcome.scored:
        return "none"
    return "good" if outcome in PASSED else "half" if outcome in HALF else "bad"
