"""How many tickets an attempt's agent opened before there was anything to find."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ANALYSED = [
    "campaign_uid",
    "ended_at",
    "trial",
    "attempt",
    "outcome",
    "chaos_injected_at",
    "ticket_created_at",
    "ticket_seen_at",
    "resolved_at",
    "resolution_seen_at",
    "recovered_at",
    "flags",
    "seed",
    "window_started_at",
    "deadline_at",
    "commands_total",
    "commands_unique",
    "commands_mutating",
    "commands_destructive",
    "false_alarms",
]


def upgrade() -> None:
    op.add_column("trials", sa.Column("false_alarms", sa.Integer()))
    op.drop_index("ix_trials_numbers", "trials")
    op.create_index("ix_trials_numbers", "trials", ANALYSED)
