"""The oracle's verdicts as a record keeps them: the changes, not the repetitions."""

from __future__ import annotations

from collections.abc import Sequence

from controller.api import Step
from controller.records.rows import Event
from subjects.protocol import Verdict

MOST_CHANGES = 500
"""A flapping subject could fill the disk: after so many changes the story says that it was cut, and ends."""


class Storyline:
    """Collects verdicts while an attempt is observed."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._last: object = None
        self._count = 0

    def add(self, verdict: Verdict) -> None:
        """Keep the verdict if it says something else than the one before."""
        told = (verdict.serving, verdict.healthy, frozenset((p.reason, p.member) for p in verdict.problems))
        if told == self._last:
            return
        self._last = told
        self._count += 1
        if self._count < MOST_CHANGES:
            self._events.append(Event(Step.OBSERVE, verdict.at, "verdict", _detail(verdict)))
        elif self._count == MOST_CHANGES:
            self._events.append(Event(Step.OBSERVE, verdict.at, "truncated", {"changes": MOST_CHANGES}))

    def take(self) -> Sequence[Event]:
        """What was collected since the last call."""
        taken, self._events = self._events, []
        return taken


def _detail(verdict: Verdict) -> dict[str, object]:
    problems = [{"reason": p.reason, "member": p.member, "message": p.message} for p in verdict.problems]
    return {"serving": verdict.serving, "healthy": verdict.healthy, "problems": problems}
