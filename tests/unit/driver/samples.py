"""Rows and statuses, as short as they can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.api import CampaignStatus, Mode, Outcome, Phase, Step
from controller.records import AttemptSummary, CampaignRow, Tally

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment."""
    return START + timedelta(seconds=seconds)


def row(phase: Phase = Phase.RUNNING, reason: str = "TrialsRunning", message: str = "", **changed: Any) -> CampaignRow:
    """A campaign's row."""
    made = CampaignRow(
        uid="uid-1",
        namespace="default",
        name="c",
        subject="etcd",
        subject_namespace="etcd",
        chaos="node_kill",
        mode=Mode.BASELINE,
        variant=None,
        spec={"trials": 3, "observeSeconds": 60},
        spec_hash="",
        comparison_hash="",
        phase=phase,
        reason=reason,
        message=message,
        created_at=at(0),
        started_at=None,
        finished_at=None,
        deleted_at=None,
    )
    return replace(made, **changed)


def attempt(trial: int, outcome: Outcome = Outcome.SELF_HEALED, error: str | None = None) -> AttemptSummary:
    """An attempt that took half a second to recover."""
    fields: dict[str, Any] = dict.fromkeys(AttemptSummary.__dataclass_fields__)
    fields |= {"id": f"id-{trial}", "campaign_uid": "uid-1", "trial": trial, "attempt": 1, "seed": 1, "error": error}
    fields |= {"step": Step.RECORD, "outcome": outcome, "started_at": at(0), "ended_at": at(9)}
    fields |= {
        "flags": [],
        "chaos_injected_at": at(1),
        "recovered_at": at(1.5),
        "fault": {"targets": [{"name": "etcd-1", "uid": "u", "facts": {}}]},
    }
    return AttemptSummary(**fields)


def tally(times: tuple[float | None, ...] = (), **changed: Any) -> Tally:
    """A tally with these recovery times."""
    nobody: tuple[float | None, ...] = (None,) * len(times)
    counted: dict[str, Any] = {"detection_times": nobody, "resolution_times": nobody}
    counted |= {"outcomes": {}, "done": len(times), "next_trial": len(times) + 1, "recent": ()}
    return Tally(recovery_times=times, **counted | changed)


def status(message: str, phase: Phase = Phase.RUNNING) -> CampaignStatus:
    """A status that says something."""
    return CampaignStatus(phase=phase, message=message)
