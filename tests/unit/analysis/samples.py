"""Trials and campaigns with given numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from controller.analysis.comparison import Arm
from controller.analysis.trial import Trial
from controller.api import Mode, Outcome, Phase
from controller.records.arms import comparison_hash
from controller.records.rows import CampaignRow
from tests.unit.records.samples import spec

WINDOW = 60.0


def trial(index: int, outcome: Outcome, **known: Any) -> Trial:
    """Trial `index`, seed 100 + index, watched for 60 s."""
    fields: dict[str, Any] = {"trial": index, "attempt": 1, "seed": 100 + index, "outcome": outcome, "window": WINDOW}
    return Trial(**fields | known)


def healing(*seconds: float | None, seed: int = 100) -> list[Trial]:
    """Baseline trials that recovered after so many seconds, or did not (None)."""
    return [
        trial(i, Outcome.NOT_HEALED if at is None else Outcome.SELF_HEALED, recovered=at, seed=seed + i)
        for i, at in enumerate(seconds, start=1)
    ]


def campaign(name: str = "demo", **asked: Any) -> CampaignRow:
    """A campaign that is complete, as it would be recorded."""
    stored = spec(**asked).model_dump(mode="json", by_alias=True)
    return CampaignRow(
        uid=f"uid-{name}",
        namespace="default",
        name=name,
        subject=stored["subject"]["type"],
        subject_namespace=stored["subject"]["namespace"],
        chaos=stored["chaos"]["type"],
        mode=Mode(stored["mode"]),
        variant=stored["variant"]["name"] or None,
        spec=stored,
        spec_hash="",
        comparison_hash=comparison_hash(stored),
        phase=Phase.COMPLETE,
        reason="AllTrialsDone",
        message="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        started_at=datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
        finished_at=datetime(2026, 1, 1, 1, tzinfo=UTC),
        deleted_at=None,
    )


def arm(name: str, of: list[Trial], /, **asked: Any) -> Arm:
    """An arm of a comparison; `asked` goes into the spec."""
    return Arm(name, campaign(name, **asked), of)
