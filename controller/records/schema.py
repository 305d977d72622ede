"""Defines the tables as the newest migration leaves them (a test compares the two), and lists the revisions.

Types are portable: JSON as JSON, times as `UtcTime`. The rules that must hold whatever the code does are in the schema:
an attempt is unique by campaign, trial and attempt; a campaign has at most one attempt that is not ended; an attempt
is ended exactly when it has an outcome; a subject, and an agent's Deployment, has at most one lock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.types import TypeEngine

from controller.records.errors import RecordsError, RecordsNewer

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class UtcTime(TypeDecorator[datetime]):
    """An instant, to the microsecond. On SQLite ISO-8601 text ending in `Z`: it sorts, and the shell shows it as it is.

    Naive datetimes are refused (ValueError, inside SQLAlchemy's StatementError): nobody knows which instant they mean.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone: the records take aware times only")
        value = value.astimezone(UTC)
        return value.strftime(TIME_FORMAT) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMES)

ROW_ID = BigInteger().with_variant(Integer(), "sqlite")


def _json(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True))


def _time(name: str, nullable: bool = True) -> Column[datetime]:
    return Column(name, UtcTime(), nullable=nullable)


campaigns = Table(
    "campaigns",
    metadata,
    Column("uid", String(64), primary_key=True),
    Column("namespace", String(253), nullable=False),
    Column("name", String(253), nullable=False),
    Column("subject", String(63), nullable=False),
    Column("subject_namespace", String(253), nullable=False),
    Column("chaos", String(63), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("variant", String(253)),
    Column("spec", JSON(), nullable=False),
    Column("spec_hash", String(64), nullable=False),
    Column("comparison_hash", String(64), nullable=False, index=True),
    Column("phase", String(16), nullable=False),
    Column("reason", String(1024), nullable=False),
    Column("message", Text(), nullable=False),
    _time("created_at", nullable=False),
    _time("started_at"),
    _time("finished_at"),
    _time("deleted_at"),
    Index(None, "name", "namespace"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("campaign_uid", ForeignKey("campaigns.uid"), nullable=False),
    Column("trial", Integer(), nullable=False),
    Column("attempt", Integer(), nullable=False),
    Column("seed", BigInteger(), nullable=False),
    Column("step", String(32), nullable=False),
    Column("outcome", String(32)),
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
    Column("blind_seconds", Float()),
    _json("fault"),
    Column("error", Text()),
    _json("flags"),
    _json("agent_mark"),
    _json("initial_state"),
    _json("final_state"),
    _json("commands"),
    _json("reasoning"),
    # Of `commands`, as `records.rows.count_commands` counts them.
    Column("commands_total", Integer()),
    Column("commands_unique", Integer()),
    Column("commands_mutating", Integer()),
    Column("commands_destructive", Integer()),
    Column("false_alarms", Integer()),
    UniqueConstraint("campaign_uid", "trial", "attempt"),
    CheckConstraint("trial >= 1 AND attempt >= 1", name="counted_from_one"),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="ended_with_an_outcome"),
)

Index(
    "uq_attempts_one_unfinished",
    attempts.c.campaign_uid,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)
# Covers the tally and the analysis: rows carry two states and a log each, which counting them must not read.
NUMBERS = (
    *("campaign_uid", "ended_at", "trial", "attempt", "outcome", "chaos_injected_at", "ticket_created_at"),
    *("ticket_seen_at", "resolved_at", "resolution_seen_at", "recovered_at", "flags", "seed", "window_started_at"),
    *("deadline_at", "commands_total", "commands_unique", "commands_mutating", "commands_destructive"),
    "false_alarms",
)
Index("ix_attempts_numbers", *(attempts.c[name] for name in NUMBERS))

attempt_events = Table(
    "attempt_events",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("attempt_id", ForeignKey("attempts.id"), nullable=False, index=True),
    Column("step", String(32), nullable=False),
    _time("at", nullable=False),
    Column("kind", String(64), nullable=False),
    Column("detail", JSON(), nullable=False),
)

agent_tickets = Table(
    "agent_tickets",
    metadata,
    Column("number", ROW_ID, primary_key=True, autoincrement=True),
    Column("campaign_uid", ForeignKey("campaigns.uid"), nullable=False),
    Column("id", String(128), nullable=False),
    Column("subject", String(512)),
    Column("message", Text(), nullable=False),
    Column("status", String(16), nullable=False),
    Column("resolved", Boolean(), nullable=False),
    _time("opened_at"),
    _time("resolved_at"),
    _time("arrived_at", nullable=False),
    _time("resolution_arrived_at"),
    UniqueConstraint("campaign_uid", "id"),
    sqlite_autoincrement=True,
)

agent_sessions = Table(
    "agent_sessions",
    metadata,
    Column("campaign_uid", ForeignKey("campaigns.uid"), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("ticket", String(128), nullable=False),
    Column("status", String(32)),
    _time("started_at"),
    _time("ended_at"),
)

agent_entries = Table(
    "agent_entries",
    metadata,
    Column("number", ROW_ID, primary_key=True, autoincrement=True),
    Column("campaign_uid", ForeignKey("campaigns.uid"), nullable=False),
    Column("session", String(128), nullable=False),
    Column("sequence", BigInteger(), nullable=False),
    Column("type", String(16), nullable=False),
    Column("content", Text(), nullable=False),
    Column("tool", String(128), nullable=False),
    Column("command", Text(), nullable=False),
    Column("mutating", Boolean(), nullable=False),
    Column("destructive", Boolean(), nullable=False),
    Column("why", String(256), nullable=False),
    Column("exit_code", BigInteger()),
    _time("at"),
    _time("arrived_at", nullable=False),
    UniqueConstraint("campaign_uid", "session", "sequence"),
    sqlite_autoincrement=True,
)

subject_locks = Table(
    "subject_locks",
    metadata,
    Column("subject", String(512), primary_key=True),
    Column("campaign_uid", ForeignKey("campaigns.uid"), nullable=False, index=True),
    Column("campaign", String(512), nullable=False),
    _time("since", nullable=False),
)


REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = REVISIONS[-1]


def revision(connection: Connection) -> str | None:
    """Returns the database's revision; None where it is new and empty.

    Raises RecordsError where it is something else's database.
    """
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found
    if tables:
        raise RecordsError(f"This database holds something else than records (tables: {', '.join(tables[:5])})")
    return None


def refuse_newer(database_revision: str | None) -> None:
    """Raises RecordsNewer where the database is of a revision that this version does not know."""
    if database_revision is not None and database_revision not in REVISIONS:
        raise RecordsNewer(
            f"The records have schema revision {database_revision}, and this version knows them up to {HEAD}: "
            "they were written by a newer evalcampaign. Use that version, or a backup made before the upgrade."
        )
