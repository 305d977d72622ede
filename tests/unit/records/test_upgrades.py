"""A database of each earlier revision is brought to today's schema, and everything that was in it is read back."""

from __future__ import annotations

import importlib
import io
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.dialects import postgresql

from controller.api import Mode, Outcome, Phase, Step
from controller.records import Records, RecordsError, queries, store
from controller.records.database import migrator, reading
from controller.records.schema import REVISIONS
from subjects.fault import Fault, Target

BEGAN = datetime(2025, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
SPEC = {"subject": {"type": "tikv", "namespace": "lab"}, "chaos": {"type": "node_kill"}, "mode": "agent", "trials": 9}
COMMAND = {"tool": "bash", "command": "kubectl get pods", "mutating": False, "destructive": False}

ONE_TARGET = {"chaos": "node_kill", "target": "tikv-1", "uid": "u1", "params": {"count": 1}, "undo": {"pods": {}}}
"""A fault as revision 0001 knew it."""
SEVERAL_TARGETS = ONE_TARGET | {
    "facts": {"ledRegions": 3, "regions": 6, "others": {"tikv-2": {"ledRegions": 1, "regions": 6}}},
    "others": [{"name": "tikv-2", "uid": "u2"}],
}
"""A fault as it was stored from revision 0002 to 0005."""
LISTED_TARGETS = {
    "chaos": "node_kill",
    "targets": [
        {"name": "tikv-1", "uid": "u1", "facts": {"ledRegions": 3, "regions": 6}},
        {"name": "tikv-2", "uid": "u2", "facts": {"ledRegions": 1, "regions": 6}},
    ],
    "params": {"count": 1},
    "undo": {"pods": {}},
}
"""A fault as it is stored since revision 0006."""


def stamp(seconds: float) -> str:
    """A time as the records store it on SQLite."""
    return (BEGAN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rows_of(revision: str) -> dict[str, list[dict[str, Any]]]:
    """What the code of that revision would have written: an ended attempt and one that runs, with all beside them."""
    fault = {"0001": ONE_TARGET}.get(revision, SEVERAL_TARGETS if revision < "0006" else LISTED_TARGETS)
    ended = {
        "id": "attempt-1", "campaign_uid": "uid-1", "trial": 1, "attempt": 1, "seed": 2**40 + 1, "step": "record",
        "outcome": "Resolved", "started_at": stamp(10), "chaos_injected_at": stamp(20), "ticket_created_at": stamp(22),
        "ticket_seen_at": stamp(22.5), "resolved_at": stamp(25), "ended_at": stamp(40), "manifested_at": stamp(20.8),
        "serving_lost_at": stamp(20.8), "serving_again_at": stamp(22.5), "recovered_at": stamp(23.4),
        "deadline_at": stamp(80), "blind_seconds": 0.25, "fault": fault, "error": "said so", "final_state": {"b": [2]},
        "initial_state": {"a": 1}, "commands": [COMMAND, COMMAND],
    }  # fmt: skip
    running = {
        "id": "attempt-2", "campaign_uid": "uid-1", "trial": 2, "attempt": 1, "seed": 7, "step": "inject",
        "started_at": stamp(50), "fault": fault,
    }  # fmt: skip
    if revision >= "0002":
        ended |= {"window_started_at": stamp(20), "resolution_seen_at": stamp(25.5), "flags": ["ManyTickets"]}
        ended |= {"agent_mark": {"tickets": 4}}
        running |= {"agent_mark": {"tickets": 5}}
    if revision >= "0004":
        ended |= {"reasoning": [{"after": 0, "text": "hm"}]}
        ended |= {
            f"commands_{name}": n for name, n in {"total": 2, "unique": 1, "mutating": 0, "destructive": 0}.items()
        }
    if revision >= "0005":
        ended |= {"false_alarms": 1}
    rows = {
        "campaigns": [
            {
                "uid": "uid-1",
                "namespace": "default",
                "name": "demo",
                "subject": "tikv",
                "subject_namespace": "lab",
                "chaos": "node_kill",
                "mode": "agent",
                "variant": "v1",
                "spec": SPEC,
                "spec_hash": "h1",
                "comparison_hash": "h2",
                "phase": "Running",
                "reason": "Started",
                "message": "m",
                "created_at": stamp(0),
                "started_at": stamp(1),
            }
        ],
        "trials": [ended, running],
        "trial_events": [
            {"id": 11, "trial_id": "attempt-1", "step": "reset", "at": stamp(10), "kind": "opened", "detail": {"k": 1}},
            {"id": 12, "trial_id": "attempt-1", "step": "record", "at": stamp(40), "kind": "ended", "detail": {}},
            {"id": 17, "trial_id": "attempt-2", "step": "reset", "at": stamp(50), "kind": "opened", "detail": {}},
        ],
        "subject_locks": [
            {"subject": "tikv/lab", "campaign_uid": "uid-1", "campaign": "default/demo", "since": stamp(1)}
        ],
    }
    if revision >= "0003":
        rows["agent_tickets"] = [
            {
                "number": 5,
                "campaign_uid": "uid-1",
                "id": "t-1",
                "message": "a store is down",
                "status": "open",
                "resolved": True,
                "opened_at": stamp(22),
                "resolved_at": stamp(25),
                "arrived_at": stamp(22.5),
            }
        ]
        rows["agent_sessions"] = [{"campaign_uid": "uid-1", "id": "s-1", "ticket": "t-1", "started_at": stamp(23)}]
        rows["agent_entries"] = [
            {
                "number": 9,
                "campaign_uid": "uid-1",
                "session": "s-1",
                "sequence": 1,
                "type": "tool_call",
                "content": "",
                "tool": "bash",
                "command": "kubectl get pods",
                "mutating": False,
                "destructive": False,
                "why": "",
                "exit_code": 0,
                "at": stamp(24),
                "arrived_at": stamp(24.5),
            }
        ]
    if revision >= "0006":
        rows["attempts"] = rows.pop("trials")
        rows["attempt_events"] = rows.pop("trial_events")
        for row in rows["attempt_events"]:  # type: ignore[attr-defined]
            row["attempt_id"] = row.pop("trial_id")
    return rows  # type: ignore[return-value]


@dataclass
class Old:
    """A database of an earlier revision: its file, and all that is in it, by table."""

    revision: str
    path: Path
    rows: dict[str, list[dict[str, Any]]]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"


@pytest.fixture(params=REVISIONS[:-1])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    """A database of one of the earlier revisions, made by running the migrations up to it."""
    path = tmp_path / "records.db"
    engine = migrator(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(store.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, request.param)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for table, rows in rows_of(request.param).items():
            for row in rows:
                values = [json.dumps(v) if isinstance(v, dict | list) else v for v in row.values()]
                places = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", values)
        connection.commit()
    return Old(request.param, path, contents(path))


def contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, but for Alembic's own."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = [name for name in tables if name != "alembic_version" and not name.startswith("sqlite_")]
        return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in ours}


def test_no_row_and_no_value_is_lost(old: Old) -> None:
    store.migrate(old.url)
    now = contents(old.path)
    assert "trials" not in now and "trial_events" not in now
    renamed = {"trials": "attempts", "trial_events": "attempt_events"}
    for table, before in old.rows.items():
        after = now[renamed.get(table, table)]
        assert len(after) == len(before), table
        for was, is_ in zip(before, after, strict=True):
            kept = {("attempt_id" if name == "trial_id" else name): value for name, value in was.items()}
            assert kept.pop("fault", None) is None or json.loads(is_["fault"])["targets"], "its shape is tested below"
            assert {name: is_[name] for name in kept} == kept, table


def test_the_migrated_database_is_sound(old: Old) -> None:
    store.migrate(old.url)
    with closing(sqlite3.connect(old.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        made = "\n".join(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
    assert "trials" not in made and "trial_events" not in made, "no constraint and no index goes by an old name"


def test_a_reader_of_an_older_database_is_told_to_start_a_controller_and_changes_nothing(old: Old) -> None:
    sentence = "older version: start this version's controller on it once"
    with pytest.raises(RecordsError, match=sentence), reading(old.url):
        pass
    assert contents(old.path) == old.rows


async def test_the_code_of_today_reads_all_of_it_and_goes_on(old: Old) -> None:
    records = await Records.open(old.url)
    try:
        campaign = await records.get_campaign("uid-1")
        assert campaign is not None
        assert (campaign.phase, campaign.mode, campaign.spec) == (Phase.RUNNING, Mode.AGENT, SPEC)
        (running,) = await records.unfinished("uid-1")
        assert (running.id, running.step, running.started_at) == (
            "attempt-2", Step.INJECT, BEGAN + timedelta(seconds=50)
        )  # fmt: skip
        tally = await records.tally("uid-1")
        assert (tally.outcomes, tally.recovery_times) == ({Outcome.RESOLVED: 1}, (pytest.approx(3.4),))
        (lock,) = await records.locks()
        assert (lock.subject, lock.campaign_uid) == ("tikv/lab", "uid-1")

        with reading(old.url) as connection:
            ended = queries.get_attempt(connection, campaign, 1, None)
            events = queries.list_events(connection, "attempt-1")
        assert ended.initial_state == {"a": 1} and ended.commands == [COMMAND, COMMAND]
        assert (ended.commands_total, ended.commands_unique) == (2, 1)
        assert ended.false_alarms == (1 if old.revision >= "0005" else None)
        assert ended.time_to_recover == pytest.approx(3.4)
        assert [(event.step, event.kind, event.detail) for event in events] == [
            (Step.RESET, "opened", {"k": 1}),
            (Step.RECORD, "ended", {}),
        ]

        assert await records.end_attempt("attempt-2", Outcome.INTERRUPTED, at=BEGAN + timedelta(seconds=60))
        again = await records.open_attempt("uid-1", 2, 7, BEGAN + timedelta(seconds=70))
        assert again.attempt == 2
        with reading(old.url) as connection:
            assert [event.kind for event in queries.list_events(connection, again.id)] == ["opened"]
    finally:
        await records.close()


async def test_a_fault_of_an_older_database_names_all_its_targets_in_one_list(old: Old) -> None:
    records = await Records.open(old.url)
    try:
        (running,) = await records.unfinished("uid-1")
    finally:
        await records.close()
    assert running.fault is not None
    first = {"name": "tikv-1", "uid": "u1", "facts": {}}
    assert running.fault == (LISTED_TARGETS | {"targets": [first]} if old.revision == "0001" else LISTED_TARGETS)
    assert running.target == ("tikv-1" if old.revision == "0001" else "tikv-1, tikv-2")
    as_stored = ONE_TARGET if old.revision == "0001" else SEVERAL_TARGETS
    assert Fault.from_json(running.fault) == Fault.from_json(as_stored)
    assert Fault.from_json(running.fault).targets[0] == Target("tikv-1", "u1")


def test_the_rename_is_valid_on_postgresql_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled, not run: there is no PostgreSQL here. What has to read rows has a test of its own."""
    migration = importlib.import_module("controller.records.migrations.versions.0006_attempts")
    monkeypatch.setattr(migration, "_list_targets", lambda *_: None)
    text = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": text})
    with Operations.context(context):
        migration.upgrade()
    made = text.getvalue()
    assert "id BIGSERIAL NOT NULL" in made and "TIMESTAMP WITH TIME ZONE" in made
    assert made.index("INSERT INTO attempts (id") < made.index("DROP TABLE trials")
    assert made.index("INSERT INTO attempt_events") < made.index("setval") < made.index("DROP TABLE trial_events")
    assert "CREATE UNIQUE INDEX uq_attempts_one_unfinished ON attempts (campaign_uid) WHERE ended_at IS NULL" in made


def test_the_faults_targets_are_rewritten_with_statements_that_are_valid_on_postgresql(tmp_path: Path) -> None:
    """The rewrite runs on SQLite, and each statement that it sends is compiled for PostgreSQL as well."""
    migration = importlib.import_module("controller.records.migrations.versions.0006_attempts")
    made = sa.Table(
        "attempts",
        sa.MetaData(),
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("fault", sa.JSON(none_as_null=True)),
    )
    sent: list[Any] = []
    engine = migrator(f"sqlite:///{tmp_path}/records.db")
    with engine.begin() as connection:
        made.create(connection)
        rows: list[dict[str, Any]] = [{"id": "a", "fault": SEVERAL_TARGETS}, {"id": "b", "fault": None}]
        connection.execute(made.insert(), rows)
        sa.event.listen(connection, "before_execute", lambda _, statement, *__: sent.append(statement))
        migration._list_targets(connection, made)
        assert connection.execute(sa.select(made.c.fault).order_by(made.c.id)).scalars().all() == [LISTED_TARGETS, None]
    engine.dispose()
    dialect = postgresql.dialect()
    found, rewritten, *_ = (" ".join(str(statement.compile(dialect=dialect)).split()) for statement in sent)
    assert found == "SELECT attempts.id, attempts.fault FROM attempts WHERE attempts.fault IS NOT NULL"
    assert rewritten.startswith("UPDATE attempts SET fault=%(fault)s::JSON WHERE attempts.id = %(id_1)s")
