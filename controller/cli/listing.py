"""`list` and `trials`: tables."""

from __future__ import annotations

from collections.abc import Sequence

from controller.cli import text
from controller.cli.columns import Column, console, print_table
from controller.records.rows import AttemptSummary, CampaignRow, Tally


def print_campaigns(rows: Sequence[tuple[CampaignRow, Tally]]) -> None:
    """A line a campaign."""
    if not rows:
        print("No campaigns are recorded yet. Apply one with `kubectl apply -f`; it appears here when it is seen.")
        return
    campaigns = [row for row, _ in rows]
    print_table(
        [
            Column("NAME", [row.name for row in campaigns]),
            Column("NAMESPACE", [row.namespace for row in campaigns], drop=3),
            Column("SUBJECT", [row.subject for row in campaigns], drop=4),
            Column("CHAOS", [row.chaos for row in campaigns], drop=1),
            Column("MODE", [row.mode for row in campaigns], drop=5),
            Column("PHASE", [_phase(row) for row in campaigns]),
            Column("TRIALS", [text.progress(row, tally) for row, tally in rows], right=True),
            Column("RECOVERED", [text.recovered(tally) for _, tally in rows], right=True),
            Column("MEDIAN", [text.median(row, tally) for row, tally in rows], right=True),
            Column("STARTED", [text.minute(row.started_at) for row in campaigns], drop=2),
        ],
        console(),
    )


def print_attempts(campaign: CampaignRow, rows: Sequence[AttemptSummary]) -> None:
    """A line an attempt; times are seconds after the injection."""
    if not rows:
        print(f"No trial of {campaign.namespace}/{campaign.name} has begun yet; it is {campaign.phase}.")
        return
    print_table(
        [
            Column("TRIAL", [str(row.trial) for row in rows], right=True),
            Column("ATTEMPT", [str(row.attempt) for row in rows], right=True),
            Column("OUTCOME", [text.outcome(row) for row in rows]),
            Column("TARGET", [row.target or text.NOTHING for row in rows]),
            Column("INJECTED (UTC)", [text.second(row.chaos_injected_at) for row in rows], drop=3),
            Column(
                "MANIFESTED", [text.offset(row.since_injection(row.manifested_at)) for row in rows], drop=4, right=True
            ),
            Column("SERVING AGAIN", [text.serving(row) for row in rows], drop=2, right=True),
            Column("RECOVERED", [text.recovery(row) for row in rows], right=True),
            Column("ERROR", [" ".join((row.error or "").split()) for row in rows], drop=1, rest=True),
        ],
        console(),
    )


def _phase(row: CampaignRow) -> str:
    return f"{row.phase} (deleted)" if row.deleted_at else str(row.phase)
