"""The tables are named for what they hold: `attempts` and `attempt_events`; a fault's targets are one list.

The rows are copied into new tables rather than renamed in place: SQLite keeps the old names of constraints when a table
is renamed. The copy needs as much room again as the old tables take, until the transaction has ended.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from controller.records.rows import with_listed_targets

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBERS = [
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


def _time(name: str, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite"), nullable=nullable)


def upgrade() -> None:
    attempts = op.create_table(
        "attempts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("campaign_uid", sa.String(64), nullable=False),
        sa.Column("trial", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32)),
        _time("started_at", nullable=False),
        _time("chaos_injected_at"),
        _time("window_started_at"),
        _time("ticket_created_at"),
        _time("ticket_seen_at"),
        _time("resolved_at"),
        _time("resolution_seen_at"),
        _time("ended_at"),
        _time("manifested_at"),
        _time("serving_lost_at"),
        _time("serving_again_at"),
        _time("recovered_at"),
        _time("deadline_at"),
        sa.Column("blind_seconds", sa.Float()),
        sa.Column("fault", sa.JSON(none_as_null=True)),
        sa.Column("error", sa.Text()),
        sa.Column("flags", sa.JSON(none_as_null=True)),
        sa.Column("agent_mark", sa.JSON(none_as_null=True)),
        sa.Column("initial_state", sa.JSON(none_as_null=True)),
        sa.Column("final_state", sa.JSON(none_as_null=True)),
        sa.Column("commands", sa.JSON(none_as_null=True)),
        sa.Column("reasoning", sa.JSON(none_as_null=True)),
        sa.Column("commands_total", sa.Integer()),
        sa.Column("commands_unique", sa.Integer()),
        sa.Column("commands_mutating", sa.Integer()),
        sa.Column("commands_destructive", sa.Integer()),
        sa.Column("false_alarms", sa.Integer()),
        sa.CheckConstraint("trial >= 1 AND attempt >= 1", name=op.f("ck_attempts_counted_from_one")),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_attempts_ended_with_an_outcome")),
        sa.ForeignKeyConstraint(["campaign_uid"], ["campaigns.uid"], name="fk_attempts_campaign_uid"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("campaign_uid", "trial", "attempt", name="uq_attempts_campaign_uid_trial_attempt"),
    )
    columns = ", ".join(column.name for column in attempts.c)
    op.execute(f"INSERT INTO attempts ({columns}) SELECT {columns} FROM trials")
    _list_targets(op.get_bind(), attempts)

    op.create_table(
        "attempt_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt_id", sa.String(36), nullable=False),
        sa.Column("step", sa.String(32), nullable=False),
        _time("at", nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="fk_attempt_events_attempt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt_events"),
    )
    op.execute(
        "INSERT INTO attempt_events (id, attempt_id, step, at, kind, detail) "
        "SELECT id, trial_id, step, at, kind, detail FROM trial_events ORDER BY id"
    )
    if op.get_context().dialect.name == "postgresql":  # a copied number does not advance the sequence
        op.execute(
            "SELECT setval(pg_get_serial_sequence('attempt_events', 'id'), coalesce(max(id), 0) + 1, false) "
            "FROM attempt_events"
        )
    op.drop_table("trial_events")
    op.drop_table("trials")
    op.create_index("ix_attempt_events_attempt_id", "attempt_events", ["attempt_id"])
    op.create_index("ix_attempts_numbers", "attempts", NUMBERS)
    op.create_index(
        "uq_attempts_one_unfinished",
        "attempts",
        ["campaign_uid"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _list_targets(connection: sa.Connection, attempts: sa.Table) -> None:
    planned = sa.select(attempts.c.id, attempts.c.fault).where(attempts.c.fault.is_not(None))
    for id_, fault in connection.execute(planned).all():
        if isinstance(fault, dict):
            listed = with_listed_targets(fault)
            connection.execute(sa.update(attempts).where(attempts.c.id == id_).values(fault=listed))
