"""What an attempt's agent said, and how many commands it ran, so that an analysis reads the numbers alone."""

import sqlalchemy as sa
from alembic import op

from controller.records.rows import command_columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNTS = ["commands_total", "commands_unique", "commands_mutating", "commands_destructive"]

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

ANALYSED = [*TALLIED, "seed", "window_started_at", "deadline_at", *COUNTS]

trials = sa.table(
    "trials",
    sa.column("id", sa.String),
    sa.column("commands", sa.JSON(none_as_null=True)),
    *(sa.column(name, sa.Integer) for name in COUNTS),
)


def upgrade() -> None:
    op.add_column("trials", sa.Column("reasoning", sa.JSON(none_as_null=True)))
    for name in COUNTS:
        op.add_column("trials", sa.Column(name, sa.Integer()))
    connection = op.get_bind()
    logged = sa.select(trials.c.id).where(trials.c.commands.is_not(None))
    for id_ in connection.scalars(logged).all():
        # One at a time: a log may have megabytes.
        log = connection.scalar(sa.select(trials.c.commands).where(trials.c.id == id_))
        connection.execute(sa.update(trials).where(trials.c.id == id_).values(command_columns(log)))
    op.drop_index("ix_trials_tally", "trials")
    op.create_index("ix_trials_numbers", "trials", ANALYSED)
