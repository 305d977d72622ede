"""From what was seen of one kill to the numbers that must be zero. Pure.

Four witnesses that do not know of each other: what the controller's process noted before it was killed, the database
afterwards, the API server's audit log, and the pods.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controller.api import Outcome
from controller.records import AttemptSummary
from tests.crash.audit import Mutation
from tests.support.points import ENDED, OPENED, Moment

FAULT_VERB = {"node_kill": "delete", "node_down": "patch"}
"""What a fault of each chaos is to the API server. Of `node_down`, a delete is the undo."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of one campaign whose controller was killed."""

    chaos: str
    noted: Sequence[Moment]
    rows: Sequence[AttemptSummary]
    mutations: Sequence[Mutation]
    touched: frozenset[tuple[str, str]]
    """Verb and uid of what was seen to happen to pods, whoever asked for it."""
    left: Sequence[str]
    """Whatever is not as it was: pods, locks."""
    completed: bool
    resumed_seconds: float | None
    """From the restart to the next commit."""


@dataclass(frozen=True)
class Count:
    """What one kill cost: five numbers that must be zero, and `faults`, which must be at most one."""

    lost: int
    doubled: int
    faults: int
    """The most that any attempt was given."""
    astray: int
    """Scored attempts without their fault, and changes of pods that no plan or undo explains."""
    left: int
    incomplete: int
    resumed: float | None
    reached: bool = False
    """Whether an attempt that was cut short had broken something by then: the doubt that a kill may leave."""

    @property
    def clean(self) -> bool:
        """Whether every zero is one."""
        return not (self.lost or self.doubled or self.astray or self.left or self.incomplete) and self.faults <= 1


def count(seen: Evidence) -> Count:
    """The numbers."""
    faults = _faults(seen)
    return Count(
        lost=_lost(seen),
        doubled=_doubled(seen),
        faults=max(faults.values(), default=0),
        astray=_unexplained(seen) + sum(_scored(row) and faults[row.id] != 1 for row in seen.rows),
        left=len(seen.left) + sum(row.ended_at is None for row in seen.rows),
        incomplete=0 if seen.completed else 1,
        resumed=seen.resumed_seconds,
        reached=any(row.outcome is Outcome.INTERRUPTED and faults[row.id] > 0 for row in seen.rows),
    )


def _lost(seen: Evidence) -> int:
    """Attempts that were committed and are not there, or not as they were committed."""
    rows = {row.id: row for row in seen.rows}
    opened = {moment.attempt for moment in seen.noted if moment.point == OPENED}
    ended = {moment.attempt: moment.outcome for moment in seen.noted if moment.point == ENDED}
    changed = [id_ for id_, outcome in ended.items() if id_ in rows and rows[id_].outcome != outcome]
    return len(opened - rows.keys()) + len(changed)


def _doubled(seen: Evidence) -> int:
    """Rows beyond one an attempt, rows that nobody opened, and trials with more than one final outcome."""
    opened = {moment.attempt for moment in seen.noted if moment.point == OPENED}
    places = Counter((row.trial, row.attempt) for row in seen.rows)
    finals = Counter(row.trial for row in seen.rows if _final(row.outcome))
    again = sum(n - 1 for n in (*places.values(), *finals.values()))
    return again + sum(row.id not in opened for row in seen.rows)


def _faults(seen: Evidence) -> Counter[str]:
    """By attempt: the accepted changes that are its plan to the letter, while it was the one that ran."""
    counted: Counter[str] = Counter()
    for mutation in seen.mutations:
        if (row := _running(seen.rows, mutation)) is not None and _as_planned(seen.chaos, row, mutation):
            counted[row.id] += 1
    return counted


def _unexplained(seen: Evidence) -> int:
    """Changes that are neither a plan applied nor the undoing of one, and those that the audit log does not have."""
    planned = {each["uid"] for row in seen.rows if row.fault is not None for each in row.fault["targets"]}
    undo = {"delete"} if seen.chaos == "node_down" else set()
    strange = 0
    for mutation in seen.mutations:
        row = _running(seen.rows, mutation)
        applied = row is not None and _as_planned(seen.chaos, row, mutation)
        strange += not applied and not (mutation.verb in undo and mutation.uid in planned)
    answered = {(mutation.verb, mutation.uid) for mutation in seen.mutations}
    return strange + len(seen.touched - answered)


def _as_planned(chaos: str, row: AttemptSummary, mutation: Mutation) -> bool:
    targets = [(each["name"], each["uid"]) for each in row.fault["targets"]] if row.fault else []
    return mutation.verb == FAULT_VERB[chaos] and (mutation.name, mutation.uid) in targets


def _running(rows: Iterable[AttemptSummary], mutation: Mutation) -> AttemptSummary | None:
    """The attempt that had begun last: there is one at a time, and undoing it is part of it."""
    return max((row for row in rows if row.started_at <= mutation.at), key=lambda row: row.started_at, default=None)


def _final(outcome: Outcome | None) -> bool:
    return outcome is not None and not outcome.repeated


def _scored(row: AttemptSummary) -> bool:
    return row.outcome is not None and row.outcome.scored
