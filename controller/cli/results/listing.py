"""`list` and `trials`: tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controller.api import Mode
from controller.cli import formatting as text
from controller.cli.tables import Column, console, print_table
from controller.reading.protocol import CampaignCounts
from controller.records.rows import AttemptSummary, CampaignRow


def print_campaigns(rows: Sequence[CampaignCounts]) -> None:
    """A line a campaign."""
    if not rows:
        print("No campaigns are recorded yet. Ask one with `evalcampaign run`; it appears here when it is seen.")
        return
    campaigns = [row.campaign for row in rows]
    print_table(
        [
            Column("NAME", [row.name for row in campaigns]),
            Column("NAMESPACE", [row.namespace for row in campaigns], drop=3),
            Column("SUBJECT", [row.subject for row in campaigns], drop=4),
            Column("CHAOS", [row.chaos for row in campaigns], drop=1),
            Column("MODE", [row.mode for row in campaigns], drop=5),
            Column("PHASE", [_phase(row) for row in campaigns]),
            Column("TRIALS", [text.progress(row) for row in rows], right=True),
            Column("RESOLVED", [text.resolved(row) for row in rows], drop=2, right=True),
            Column("FALSE ALARMS", [text.false_alarms(row) for row in rows], drop=2, right=True),
            Column("RECOVERED", [text.recovered(row) for row in rows], right=True),
            Column("TO DETECT", [_of_agent(row, row.median_time_to_detect) for row in rows], drop=6, right=True),
            Column("TO RESOLVE", [_of_agent(row, row.median_time_to_resolve) for row in rows], drop=6, right=True),
            Column("TO RECOVER", [text.median(row, row.median_time_to_recover) for row in rows], right=True),
            Column("STARTED", [text.minute(row.started_at) for row in campaigns], drop=2),
        ],
        console(),
    )


def print_attempts(campaign: CampaignRow, rows: Sequence[AttemptSummary]) -> None:
    """A line an attempt; times are seconds after the injection."""
    if not rows:
        print(f"No trial of {campaign.qualified_name} has begun yet; it is {campaign.phase}.")
        return
    print_table(
        [
            Column("TRIAL", [str(row.trial) for row in rows], right=True),
            Column("ATTEMPT", [str(row.attempt) for row in rows], right=True),
            Column("OUTCOME", [text.outcome(row) for row in rows]),
            Column("TARGET", [row.target or text.NOTHING for row in rows]),
            Column("INJECTED (UTC)", [text.second(row.chaos_injected_at) for row in rows], drop=3),
            Column("MANIFESTED", [_offset(row, row.manifested_at) for row in rows], drop=4, right=True),
            Column("DETECTED", [_offset(row, row.detected_at) for row in rows], drop=1, right=True),
            Column("RESOLVED", [_offset(row, row.resolution_at) for row in rows], drop=1, right=True),
            Column("SERVING AGAIN", [text.serving(row) for row in rows], drop=2, right=True),
            Column("RECOVERED", [text.recovery(row) for row in rows], right=True),
            Column("FLAGS", [", ".join(row.flags) for row in rows], drop=2),
            Column("ERROR", [" ".join((row.error or "").split()) for row in rows], drop=1, rest=True),
        ],
        console(),
    )


def _phase(row: CampaignRow) -> str:
    return f"{row.phase} (deleted)" if row.deleted_at else str(row.phase)


def _of_agent(row: CampaignCounts, value: float | None) -> str:
    return text.median(row, value) if row.campaign.mode is Mode.AGENT else text.NOTHING


def _offset(row: AttemptSummary, at: datetime | None) -> str:
    return text.offset(row.since_injection(at))
