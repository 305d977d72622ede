"""From an agent's log to what it said between its commands. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.agents.commands import TOOL_CALL
from controller.agents.protocol import Thought

REASONING = "reasoning"

MOST_THOUGHTS = 500
"""Of one attempt, the first ones: an agent in a loop must not fill the records."""


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of an agent's log, as far as its reasoning is told by it. `text` is masked and cut already."""

    type: str
    at: datetime | None
    session: str
    text: str


def thoughts_of(log: Iterable[Said]) -> tuple[Thought, ...]:
    """What was said, the first MOST_THOUGHTS, each with its place among the calls. What says nothing is left out."""
    found: list[Thought] = []
    calls = 0
    for entry in log:
        calls += entry.type == TOOL_CALL
        if entry.type == REASONING and entry.text and len(found) < MOST_THOUGHTS:
            found.append(Thought(entry.at, entry.session, entry.text, calls))
    return tuple(found)
