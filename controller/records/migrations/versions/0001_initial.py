"""Campaigns, trials, their events, and the subjects' locks.

Written out rather than taken from `schema.py`: a migration must go on doing what it did when it was released. There is
no downgrade; going back means restoring a backup.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _time(name: str, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("subject", sa.String(63), nullable=False),
        sa.Column("subject_namespace", sa.String(253), nullable=False),
        sa.Column("chaos", sa.String(63), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("variant", sa.String(253)),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("spec_hash", sa.String(64), nullable=False),
        sa.Column("comparison_hash", sa.String(64), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1024), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        _time("created_at", nullable=False),
        _time("started_at"),
        _time("finished_at"),
        _time("deleted_at"),
        sa.PrimaryKeyConstraint("uid", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_comparison_hash", "campaigns", ["comparison_hash"])
    op.create_index("ix_campaigns_name_namespace", "campaigns", ["name", "namespace"])

    op.create_table(
        "trials",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("campaign_uid", sa.String(64), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32)),
        _time("started_at", nullable=False),
        _time("chaos_injected_at"),
        _time("ticket_created_at"),
        _time("ticket_seen_at"),
        _time("resolved_at"),
        _time("ended_at"),
        _time("manifested_at"),
        _time("serving_lost_at"),
        _time("serving_again_at"),
        _time("recovered_at"),
        _time("deadline_at"),
        sa.Column("blind_seconds", sa.Float()),
        sa.Column("fault", sa.JSON()),
        sa.Column("error", sa.Text()),
        sa.Column("initial_state", sa.JSON()),
        sa.Column("final_state", sa.JSON()),
        sa.Column("commands", sa.JSON()),
        sa.CheckConstraint("trial >= 1 AND attempt >= 1", name=op.f("ck_trials_counted_from_one")),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_trials_ended_with_an_outcome")),
        sa.ForeignKeyConstraint(["campaign_uid"], ["campaigns.uid"], name="fk_trials_campaign_uid"),
        sa.PrimaryKeyConstraint("id", name="pk_trials"),
        sa.UniqueConstraint("campaign_uid", "trial", "attempt", name="uq_trials_campaign_uid_trial_attempt"),
    )
    op.create_index(
        "ix_trials_tally",
        "trials",
        ["campaign_uid", "ended_at", "trial", "attempt", "outcome", "chaos_injected_at", "recovered_at"],
    )
    op.create_index(
        "uq_trials_one_unfinished",
        "trials",
        ["campaign_uid"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.create_table(
        "trial_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trial_id", sa.String(36), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        _time("at", nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name="fk_trial_events_trial_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trial_events"),
    )
    op.create_index("ix_trial_events_trial_id", "trial_events", ["trial_id"])

    op.create_table(
        "subject_locks",
        sa.Column("subject", sa.String(512), nullable=False),
        sa.Column("campaign_uid", sa.String(64), nullable=False),
        sa.Column("campaign", sa.String(512), nullable=False),
        _time("since", nullable=False),
        sa.ForeignKeyConstraint(["campaign_uid"], ["campaigns.uid"], name="fk_subject_locks_campaign_uid"),
        sa.PrimaryKeyConstraint("subject", name="pk_subject_locks"),
    )
    op.create_index("ix_subject_locks_campaign_uid", "subject_locks", ["campaign_uid"])
