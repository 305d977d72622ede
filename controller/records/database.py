"""Connects to the database: engines, which work around defaults of SQLite's driver; read-only connections; backups.

pysqlite begins transactions late, and not at all before SELECT and DDL. So its own control is switched off
(`isolation_level = None`) and this module sends BEGIN; COMMIT and ROLLBACK still go through the driver. SQLAlchemy's
`skip_autocommit_rollback` must never be set with this: it takes such connections for autocommitting and would not roll
back.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from controller.files import regular
from controller.records.errors import RecordsError, RecordsMissing, RecordsUnavailable
from controller.records.schema import HEAD, refuse_newer, revision

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock (a backup, a shell) before it fails."""

_dumps = partial(json.dumps, separators=(",", ":"), allow_nan=False)


def sqlite_path(url: str) -> Path | None:
    """Returns the file of an SQLite URL; None for another database. Raises RecordsError for an unusable URL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise RecordsError(
            f"{without_password(url)!r} is no database URL; one looks like sqlite:////data/records.db"
        ) from None
    if parsed.get_backend_name() != "sqlite":
        return None
    if parsed.database in (None, "", ":memory:") or parsed.query:
        raise RecordsError(
            f"{without_password(url)!r} names no file: records must outlive the process, as in sqlite:////data/records.db"
        )
    return Path(str(parsed.database)).absolute()


def without_password(url: str) -> str:
    """Returns a database URL without its password, for messages and logs."""
    return re.sub(r"(?<=://)([^:/@]*):.*@", r"\1:***@", url)


def writer(url: str) -> Engine:
    """Returns the engine of the writer thread: one connection, and every transaction begins as a write."""
    return _engine(url, "BEGIN IMMEDIATE", ["foreign_keys = ON", *_DURABLE], pool_size=1, max_overflow=0)


def migrator(url: str) -> Engine:
    """Returns the engine for migrations: the writer's, but without foreign keys, as a migration rebuilds tables."""
    return _engine(url, "BEGIN IMMEDIATE", _DURABLE, pool_size=1, max_overflow=0)


def reader(url: str, connections: int) -> Engine:
    """Returns the engine of the reader threads: every transaction is one snapshot, and SQLite refuses writes."""
    return _engine(url, "BEGIN", ["query_only = ON"], pool_size=connections, max_overflow=0)


def on_connection(connection: sqlite3.Connection) -> Engine:
    """Returns an engine on this one SQLite connection, which the caller opened and `dispose()` closes."""
    return _prepared(create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool), "BEGIN", [])


_DURABLE = ["journal_mode = WAL", "synchronous = FULL"]
"""WAL lets readers read during a write; FULL syncs the WAL at each commit (NORMAL may lose the last commits)."""


def _engine(url: str, begin: str, pragmas: list[str], **pool: Any) -> Engine:
    if sqlite_path(url) is None:
        return _server_engine(url, **pool)
    engine = create_engine(url, json_serializer=_dumps, connect_args={"timeout": BUSY_SECONDS}, **pool)
    return _prepared(engine, begin, pragmas)


def _server_engine(url: str, **pool: Any) -> Engine:
    """Returns an engine on another database than SQLite. Raises RecordsError where there is no driver for it.

    Messages do not repeat the URL, which may hold a password.
    """
    backend = make_url(url).get_backend_name()
    try:
        return create_engine(url, json_serializer=_dumps, pool_pre_ping=True, **pool)
    except NoSuchModuleError:
        raise RecordsError(
            f"No database is known by the name {backend!r}; a URL is sqlite:/// or postgresql://"
        ) from None
    except ModuleNotFoundError as missing:
        raise RecordsError(f"Records in {backend} need the package {missing.name}, which is not installed") from None
    except ArgumentError as error:
        raise RecordsError(f"The database URL of the records is not valid: {error}") from None


def _prepared(engine: Engine, begin: str, pragmas: list[str]) -> Engine:
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises RecordsUnavailable for what the database cannot do at present. Violated constraints and bugs pass."""
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        raise RecordsUnavailable(_sentence(error)) from error
    except DatabaseError as error:
        # sqlite3 raises a plain DatabaseError when the file is malformed or no database; its subclasses are bugs here.
        if type(error) is not DatabaseError:
            raise
        raise RecordsUnavailable(_sentence(error)) from error
    except sqlite3.Error as error:  # while connecting, before SQLAlchemy wraps them
        raise RecordsUnavailable(f"The records cannot be reached: {error}") from error


def _sentence(error: Exception) -> str:
    return f"The records cannot be reached: {getattr(error, 'orig', None) or error}"


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Yields a connection with one snapshot of the records, and closes it afterwards. Creates and changes nothing.

    Raises RecordsMissing when there is no database or nothing in it, RecordsNewer when a newer version wrote it,
    RecordsError when an older one did (only a controller migrates), RecordsUnavailable when it cannot be read.
    """
    path = sqlite_path(url)
    engine = reader(url, 1) if path is None else on_connection(open_file(path))
    try:
        with translated_errors(), engine.begin() as connection:
            found = revision(connection)
            refuse_newer(found)
            if found is None:
                raise RecordsMissing(f"{without_password(url)} holds no records: no controller has opened it yet")
            if found != HEAD:
                raise RecordsError(
                    f"{without_password(url)} was written by an older version: "
                    "start this version's controller on it once"
                )
            yield connection
    finally:
        engine.dispose()


def open_file(path: Path) -> sqlite3.Connection:
    """Opens the SQLite file, read-only. Raises RecordsMissing when there is none, RecordsUnavailable if unreadable."""
    try:
        exists = path.is_file()
    except OSError as error:
        raise RecordsUnavailable(f"The records at {path} cannot be read: {error}") from error
    if not exists:
        raise RecordsMissing(f"There are no records at {path}. Name the database with --db, or start a controller.")
    try:
        return _open(path, "mode=ro")
    except sqlite3.Error as error:
        # Reading a WAL database needs a -shm file beside it. Where none can be created and there is no WAL, no process
        # is writing, so the file may be read as one that does not change.
        if path.with_name(path.name + "-wal").exists():
            raise RecordsUnavailable(f"The records at {path} cannot be read: {error}") from error
    try:
        return _open(path, "mode=ro&immutable=1")
    except sqlite3.Error as error:
        raise RecordsUnavailable(f"The records at {path} cannot be read: {error}") from error


def _open(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True, timeout=BUSY_SECONDS)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file; connecting did not
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def backup(url: str, destination: Path) -> None:
    """Writes a consistent copy, also while a controller writes; replaces `destination` atomically or not at all.

    The copy is checked. It is one file that needs no WAL beside it, so that it can be read from a read-only disk.
    Raises RecordsError for a database that is not SQLite; RecordsUnavailable when reading or writing fails.
    """
    source = sqlite_path(url)
    if source is None:
        raise RecordsError("This backs up SQLite only; use the database's own tool, such as pg_dump")
    with closing(open_file(source)) as live, sound_copy(destination) as name, closing(sqlite3.connect(name)) as copy:
        live.backup(copy)  # in one step: a copy in several starts over at each write of the controller
        copy.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def sound_copy(destination: Path) -> Iterator[Path]:
    """Yields a new file for a copy of a database, checks it at the end, and moves it to `destination`.

    Raises RecordsUnavailable when it is damaged, or when reading or writing fails; the file is removed then.
    """
    # The file is in the destination's folder, because a rename cannot cross file systems.
    try:
        destination = regular(destination)
        handle, name = tempfile.mkstemp(prefix=f".{destination.name}.", dir=destination.parent)
    except OSError as error:
        raise RecordsUnavailable(f"The backup cannot be written: {error.strerror or error}") from error
    os.close(handle)
    try:
        yield Path(name)
        with closing(sqlite3.connect(name)) as copy:
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            raise RecordsUnavailable(f"The backup is damaged ({verdict}); it was not kept")
        _sync(Path(name))
        os.replace(name, destination)
        _sync(destination.parent)
    except (sqlite3.Error, OSError) as error:
        raise RecordsUnavailable(f"The backup was not made: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
