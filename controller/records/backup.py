"""Copies of the records, by SQLite's backup: a WAL database that was merely copied lacks the rows still in the WAL."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from controller.files import regular
from controller.records import engines
from controller.records.errors import RecordsError, RecordsUnavailable
from controller.records.readonly import open_file


def backup(url: str, destination: Path) -> None:
    """Write a consistent copy, whatever a controller writes meanwhile; replaces `destination` at once or not at all.

    The copy is checked, and is one file that needs no WAL beside it, so that it can be read from a read-only disk.
    RecordsError for a database that is not SQLite; RecordsUnavailable when reading or writing fails.
    """
    source = engines.sqlite_path(url)
    if source is None:
        raise RecordsError("This backs up SQLite only; use the database's own tool, such as pg_dump")
    with closing(open_file(source)) as live, sound_copy(destination) as name, closing(sqlite3.connect(name)) as copy:
        live.backup(copy)  # in one step: a copy in several starts over at each write of the controller
        copy.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def sound_copy(destination: Path) -> Iterator[Path]:
    """A file to fill with a database. It takes `destination`'s place when it is full and sound; else it is gone.

    RecordsUnavailable when it is damaged, or when reading or writing fails.
    """
    # In the destination's folder, as a rename cannot cross file systems.
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
