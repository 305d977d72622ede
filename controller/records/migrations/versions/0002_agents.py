"""What an attempt with an agent learns: when we began to look, when we saw it resolved, and what is to be known."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TALLIED = [
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
]


def upgrade() -> None:
    for name in ("window_started_at", "resolution_seen_at"):
        op.add_column("trials", sa.Column(name, sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")))
    for name in ("flags", "agent_mark"):
        op.add_column("trials", sa.Column(name, sa.JSON(none_as_null=True)))
    op.drop_index("ix_trials_tally", "trials")
    op.create_index("ix_trials_tally", "trials", TALLIED)
