"""What agents send over HTTP: tickets, sessions, and what was run in them."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _time(name: str, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"), nullable=nullable)


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "agent_tickets",
        _number(),
        sa.Column("campaign_uid", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(512)),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=False),
        _time("opened_at"),
        _time("resolved_at"),
        _time("arrived_at", nullable=False),
        _time("resolution_arrived_at"),
        sa.ForeignKeyConstraint(["campaign_uid"], ["campaigns.uid"], name="fk_agent_tickets_campaign_uid"),
        sa.PrimaryKeyConstraint("number", name="pk_agent_tickets"),
        sa.UniqueConstraint("campaign_uid", "id", name="uq_agent_tickets_campaign_uid_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "agent_sessions",
        sa.Column("campaign_uid", sa.String(64), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("ticket", sa.String(128), nullable=False),
        sa.Column("status", sa.String(32)),
        _time("started_at"),
        _time("ended_at"),
        sa.ForeignKeyConstraint(["campaign_uid"], ["campaigns.uid"], name="fk_agent_sessions_campaign_uid"),
        sa.PrimaryKeyConstraint("campaign_uid", "id", name="pk_agent_sessions"),
    )
    op.create_table(
        "agent_entries",
        _number(),
        sa.Column("campaign_uid", sa.String(64), nullable=False),
        sa.Column("session", sa.String(128), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("tool", sa.String(128), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("mutating", sa.Boolean(), nullable=False),
        sa.Column("destructive", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(256), nullable=False),
        sa.Column("exit_code", sa.BigInteger()),
        _time("at"),
        _time("arrived_at", nullable=False),
        sa.ForeignKeyConstraint(["campaign_uid"], ["campaigns.uid"], name="fk_agent_entries_campaign_uid"),
        sa.PrimaryKeyConstraint("number", name="pk_agent_entries"),
        sa.UniqueConstraint(
            "campaign_uid", "session", "sequence", name="uq_agent_entries_campaign_uid_session_sequence"
        ),
        sqlite_autoincrement=True,
    )
