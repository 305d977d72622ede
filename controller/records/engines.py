"""SQLAlchemy engines with SQLite's quirks set right.

pysqlite begins transactions by its own rules: late, and not at all before SELECT and DDL. So its own control is
switched off (`isolation_level = None`) and BEGIN is sent by us; COMMIT and ROLLBACK still work through the driver.
Never set SQLAlchemy's `skip_autocommit_rollback` with this: it takes such connections for autocommitting and would not
roll back.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

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

from controller.records.errors import RecordsError, RecordsUnavailable

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock (a backup, a shell) before it fails."""

_dumps = partial(json.dumps, separators=(",", ":"), allow_nan=False)


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite URL; None for another database. RecordsError when the URL is no use to us."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise RecordsError(f"{shown(url)!r} is no database URL; one looks like sqlite:////data/records.db") from None
    if parsed.get_backend_name() != "sqlite":
        return None
    if parsed.database in (None, "", ":memory:") or parsed.query:
        raise RecordsError(
            f"{shown(url)!r} names no file: records must outlive the process, as in sqlite:////data/records.db"
        )
    return Path(str(parsed.database)).absolute()


def shown(url: str) -> str:
    """A database URL as people may see it: without its password."""
    return re.sub(r"(?<=://)([^:/@]*):.*@", r"\1:***@", url)


def writer(url: str) -> Engine:
    """For the writer thread: one connection, every transaction begun as a write."""
    return _engine(url, "BEGIN IMMEDIATE", ["foreign_keys = ON", *_DURABLE], pool_size=1, max_overflow=0)


def migrator(url: str) -> Engine:
    """For migrations: like the writer, but without foreign keys, which would forbid rebuilding a table."""
    return _engine(url, "BEGIN IMMEDIATE", _DURABLE, pool_size=1, max_overflow=0)


def reader(url: str, connections: int) -> Engine:
    """For reader threads: every transaction is one snapshot, and SQLite refuses to write."""
    return _engine(url, "BEGIN", ["query_only = ON"], pool_size=connections, max_overflow=0)


def on_connection(connection: sqlite3.Connection) -> Engine:
    """An engine on this one SQLite connection, opened by the caller (read-only, say) and closed by `dispose()`."""
    return _prepared(create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool), "BEGIN", [])


_DURABLE = ["journal_mode = WAL", "synchronous = FULL"]
"""WAL lets readers read while we write; FULL syncs the WAL at each commit (NORMAL may lose the last ones)."""


def _engine(url: str, begin: str, pragmas: list[str], **pool: Any) -> Engine:
    if sqlite_path(url) is None:
        return _of_a_server(url, **pool)
    engine = create_engine(url, json_serializer=_dumps, connect_args={"timeout": BUSY_SECONDS}, **pool)
    return _prepared(engine, begin, pragmas)


def _of_a_server(url: str, **pool: Any) -> Engine:
    """An engine on another database than SQLite. RecordsError where there is no driver for it; the URL may hold a
    password, so it is not repeated.
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
    """Turn what the database cannot do just now into RecordsUnavailable; broken rules and bugs come through."""
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        raise RecordsUnavailable(_sentence(error)) from error
    except DatabaseError as error:
        # sqlite3 says a plain DatabaseError when the file is malformed or no database; its subclasses are our mistakes.
        if type(error) is not DatabaseError:
            raise
        raise RecordsUnavailable(_sentence(error)) from error
    except sqlite3.Error as error:  # while connecting, before SQLAlchemy wraps them
        raise RecordsUnavailable(f"The records cannot be reached: {error}") from error


def _sentence(error: Exception) -> str:
    return f"The records cannot be reached: {getattr(error, 'orig', None) or error}"
