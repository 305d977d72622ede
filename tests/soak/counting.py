"""From what was seen of a soak to the numbers that must be zero. Pure.

Four witnesses: the records as `evalcampaign trials` tells them, the attempts that the status showed while they ran, a
watch on the subject's pods, and the subject afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from controller.api import Outcome

Place = tuple[int, int]
"""Trial and attempt."""


@dataclass(frozen=True)
class Evidence:
    """`broken` and `replaced` are uids: of pods that suffered what the chaos does, and of pods that went.

    `away`: seconds from each kill until another controller worked.
    """

    rows: Sequence[Mapping[str, Any]]
    shown: Collection[Place]
    broken: Sequence[str]
    replaced: Sequence[str]
    trouble: Sequence[str]
    away: Sequence[float]
    planned: int
    phase: str
    asked: int

    @property
    def kills(self) -> int:
        """How often it was killed."""
        return len(self.away)


@dataclass(frozen=True)
class Number:
    """One line of the table. `right` says whether it is as it must be."""

    what: str
    value: str
    aim: str
    right: bool


def numbers(seen: Evidence) -> list[Number]:
    """All of them, in the table's order."""
    places = Counter((row["trial"], row["attempt"]) for row in seen.rows)
    results = Counter(row["trial"] for row in seen.rows if _final(_outcome(row)))
    plans = {row["fault"]["targets"][0]["uid"] for row in seen.rows if row["fault"]}
    faults = Counter(seen.broken)
    unbroken = [row for row in seen.rows if _scored(row) and faults[row["fault"]["targets"][0]["uid"]] != 1]
    most = max(faults.values(), default=0)
    return [
        Number("kills", str(seen.kills), str(seen.asked), seen.kills == seen.asked),
        Number("attempts on record", str(len(seen.rows)), "", True),
        Number("attempts that were interrupted", str(_interrupted(seen.rows)), "", True),
        _zero("attempts that the status showed and the records do not have", len(set(seen.shown) - places.keys())),
        _zero("attempts that are on record twice", sum(n - 1 for n in places.values())),
        _zero("attempts that never ended", sum(_outcome(row) is None for row in seen.rows)),
        _zero("trials without a result", sum(results[trial] == 0 for trial in range(1, seen.planned + 1))),
        _zero("trials with two", sum(n - 1 for n in results.values() if n > 1)),
        Number("faults a plan, at most", str(most), "1", most <= 1),
        _zero("results without their fault", len(unbroken)),
        _zero("pods broken or replaced that nobody planned to", len({*seen.broken, *seen.replaced} - plans)),
        _zero("things left wrong with the subject", len(seen.trouble)),
        Number("seconds until another controller worked, median", f"{median(seen.away or [0]):.1f}", "", True),
        Number("campaign", seen.phase, "Complete", seen.phase == "Complete"),
    ]


def _zero(what: str, value: int) -> Number:
    return Number(what, str(value), "0", value == 0)


def _outcome(row: Mapping[str, Any]) -> Outcome | None:
    return Outcome(row["outcome"]) if row["outcome"] else None


def _final(outcome: Outcome | None) -> bool:
    return outcome is not None and not outcome.repeated


def _scored(row: Mapping[str, Any]) -> bool:
    outcome = _outcome(row)
    return outcome is not None and outcome.scored


def _interrupted(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(_outcome(row) is Outcome.INTERRUPTED for row in rows)
