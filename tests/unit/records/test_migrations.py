from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from controller.records import Records, RecordsError, RecordsMissing, RecordsNewer, store
from controller.records.database import migrator, reading
from controller.records.schema import REVISIONS, metadata


def schema_of(path: Path) -> dict[str, str]:
    """Each table and index with the SQL that made it."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
        return {name: " ".join(sql.split()).removesuffix(" )") for name, sql in connection.execute(query)}


def test_the_migrations_end_at_the_schema_that_the_code_uses(url: str, database: Path, tmp_path: Path) -> None:
    database.parent.mkdir()
    store.migrate(url)
    engine = migrator(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_not_even_a_constraint_differs(url: str, database: Path, tmp_path: Path) -> None:
    """Alembic's comparison does not look at checks and conditions of indexes; the SQL has them all."""
    database.parent.mkdir()
    store.migrate(url)
    engine = create_engine(f"sqlite:///{tmp_path}/fresh.db")
    metadata.create_all(engine)
    engine.dispose()
    migrated, fresh = schema_of(database), schema_of(tmp_path / "fresh.db")
    assert migrated.keys() == fresh.keys()
    for name, sql in fresh.items():
        assert sorted(migrated[name].split(", ")) == sorted(sql.split(", ")), name


def test_the_list_of_revisions_names_every_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(store.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(REVISIONS))
    assert [scripts.get_current_head()] == list(REVISIONS[-1:])


def test_a_migration_that_does_not_end_leaves_nothing(url: str, database: Path) -> None:
    database.parent.mkdir()
    engine = migrator(url)
    with pytest.raises(KeyboardInterrupt), engine.begin() as connection:
        store._upgrade(connection)
        assert inspect(connection).has_table("attempts")
        raise KeyboardInterrupt
    engine.dispose()
    assert schema_of(database) == {}


async def test_a_database_of_a_newer_version_is_refused_by_writer_and_reader(url: str, database: Path) -> None:
    await (await Records.open(url)).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9998'")
        connection.commit()
    sentence = rf"schema revision 9998, and this version knows them up to {REVISIONS[-1]}: .* newer evalcampaign"
    with pytest.raises(RecordsNewer, match=sentence):
        await Records.open(url)
    with pytest.raises(RecordsNewer, match=sentence), reading(url):
        pass


def test_a_reader_does_not_migrate(url: str, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.parent.mkdir()
    database.touch()
    with pytest.raises(RecordsMissing, match="no controller has opened it"), reading(url):
        pass
    assert database.stat().st_size == 0
    store.migrate(url)
    monkeypatch.setattr("controller.records.database.HEAD", "9999")
    with pytest.raises(RecordsError, match="older version"), reading(url):
        pass


def at_revision(url: str, revision: str) -> None:
    """Bring the database there and no further."""
    engine = migrator(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(store.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_the_commands_of_older_records_are_counted_when_the_schema_comes_to_have_counts(
    url: str, database: Path
) -> None:
    database.parent.mkdir()
    at_revision(url, "0003")
    get = {"tool": "bash", "command": "kubectl get pods", "mutating": False, "destructive": False}
    delete = {"tool": "bash", "command": "kubectl delete pod tikv-1", "mutating": True, "destructive": True}
    logs = [None, [], [get, get, delete]]
    with closing(sqlite3.connect(database)) as connection:
        for trial, log in enumerate(logs, start=1):
            connection.execute(
                "INSERT INTO trials (id, campaign_uid, trial, attempt, seed, step, outcome, started_at, ended_at,"
                " commands) VALUES (?, 'uid-1', ?, 1, 7, 'record', 'Resolved', '2026', '2026', ?)",
                (str(trial), trial, None if log is None else json.dumps(log)),
            )
        connection.commit()
    store.migrate(url)
    with closing(sqlite3.connect(database)) as connection:
        counts = "commands_total, commands_unique, commands_mutating, commands_destructive"
        found = connection.execute(f"SELECT {counts} FROM attempts ORDER BY trial").fetchall()
    assert found == [(None, None, None, None), (0, 0, 0, 0), (3, 2, 1, 1)]
