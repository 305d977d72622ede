"""Opening records only to read them: beside a running controller, after it, or a backup on a read-only disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection

from controller.records import engines
from controller.records.errors import RecordsError, RecordsMissing, RecordsUnavailable
from controller.records.revisions import HEAD, refuse_newer, revision


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """One snapshot of the records, closed afterwards. Creates and changes nothing.

    RecordsMissing when there is no database, RecordsNewer when it is ahead of this version, RecordsError when it is
    behind (only a controller migrates) or no records, RecordsUnavailable when it cannot be read.
    """
    path = engines.sqlite_path(url)
    engine = engines.reader(url, 1) if path is None else engines.on_connection(open_file(path))
    try:
        with engines.translated_errors(), engine.begin() as connection:
            found = revision(connection)
            refuse_newer(found)
            if found is None:
                raise RecordsMissing(f"{engines.shown(url)} holds no records: no controller has opened it yet")
            if found != HEAD:
                raise RecordsError(
                    f"{engines.shown(url)} was written by an older version: start this version's controller on it once"
                )
            yield connection
    finally:
        engine.dispose()


def open_file(path: Path) -> sqlite3.Connection:
    """The SQLite file, read-only; RecordsMissing when it is not there, RecordsUnavailable when it cannot be read."""
    try:
        there = path.is_file()
    except OSError as error:
        raise RecordsUnavailable(f"The records at {path} cannot be read: {error}") from error
    if not there:
        raise RecordsMissing(f"There are no records at {path}. Name the database with --db, or start a controller.")
    try:
        return _open(path, "mode=ro")
    except sqlite3.Error as error:
        # Reading a WAL database takes a -shm file beside it. Where none can be made, and there is no WAL, nobody is
        # writing either, so the file may be read as one that does not change.
        if path.with_name(path.name + "-wal").exists():
            raise RecordsUnavailable(f"The records at {path} cannot be read: {error}") from error
    try:
        return _open(path, "mode=ro&immutable=1")
    except sqlite3.Error as error:
        raise RecordsUnavailable(f"The records at {path} cannot be read: {error}") from error


def _open(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True, timeout=engines.BUSY_SECONDS)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file; connecting did not
    except sqlite3.Error:
        connection.close()
        raise
    return connection
