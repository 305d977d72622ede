"""Opens the database, and runs all transactions on it: in one writer thread and a few reader threads.

A single writer makes "database is locked" the exception and gives writes an order. Each write is one transaction, begun
with BEGIN IMMEDIATE, so that what it read is still true when it writes. Threads are used rather than an async driver,
because a cancellation cannot interrupt a commit in a thread: the caller waits for its end, then is cancelled.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Self, TypeVar

from sqlalchemy import Connection, Engine

from controller.meter import UNMETERED, Meter
from controller.records import database
from controller.records.errors import RecordsError, RecordsInUse, RecordsUnavailable
from controller.records.schema import HEAD, refuse_newer, revision

T = TypeVar("T")

READERS = 4


class Store:
    """Runs functions of a Connection, each in a transaction of its own."""

    def __init__(
        self,
        writer: Engine,
        reader: Engine,
        lock: FileLock | None,
        file: FileIdentity | None = None,
        meter: Meter = UNMETERED,
    ) -> None:
        self.commits = 0
        self._meter = meter
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._file = file
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="records-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="records-reader")
        self._closed = False

    @classmethod
    async def open(cls, url: str, meter: Meter = UNMETERED) -> Self:
        """Locks, migrates and opens `url`. Raises as `Records.open`."""
        return await asyncio.to_thread(cls.open_now, url, meter)

    @classmethod
    def open_now(cls, url: str, meter: Meter = UNMETERED) -> Self:
        """Does the same as `open`, and blocks."""
        path = database.sqlite_path(url)
        lock = None if path is None else FileLock.acquire(path)
        try:
            migrate(url)
            file = None if path is None else FileIdentity.of(path)
            return cls(database.writer(url), database.reader(url, READERS), lock, file, meter)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    async def close(self) -> None:
        """Waits for running transactions, closes every connection, and releases the file lock."""
        if not self._closed:
            self._closed = True
            await _to_the_end(asyncio.get_running_loop().run_in_executor(None, self._close_now))

    def _close_now(self) -> None:
        self._write_thread.shutdown()
        self._read_threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()  # the last connection to close checkpoints the WAL into the file
        if self._lock is not None:
            self._lock.release()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a write transaction, after the writes before it, and returns its result after the commit.

        An exception of `work` rolls back and is raised. Raises RecordsUnavailable after the busy timeout, when the disk
        is full or the file is gone; nothing was committed then.
        """
        self._check_open()
        return await _to_the_end(asyncio.get_running_loop().run_in_executor(self._write_thread, self._commit, work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` on one snapshot; it cannot write. Raises RecordsUnavailable when the database cannot be read."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self._snapshot, work)

    def _commit(self, work: Callable[[Connection], T]) -> T:
        self._check_file()
        began = time.perf_counter()
        with database.translated_errors(), self._writer.begin() as connection:
            result = work(connection)
        self.commits += 1
        self._meter.committed(time.perf_counter() - began)
        return result

    def _snapshot(self, work: Callable[[Connection], T]) -> T:
        self._check_file()
        with database.translated_errors(), self._reader.begin() as connection:
            return work(connection)

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check()

    def _check_open(self) -> None:
        if self._closed:
            raise RecordsError("The records are closed already")


async def _to_the_end(future: asyncio.Future[T]) -> T:
    """Returns the result of `future`. A cancellation that arrives meanwhile is raised when it is done."""
    cancellation: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as cancelled:
            cancellation = cancelled
    if cancellation is not None:
        future.exception()  # else asyncio logs an exception that was never retrieved
        raise cancellation
    return future.result()


class FileIdentity:
    """A path, and the identity (device and inode) of the file that was opened there."""

    def __init__(self, path: Path, identity: tuple[int, int]) -> None:
        self._path = path
        self._identity = identity

    @classmethod
    def of(cls, path: Path) -> Self:
        """Returns the identity of the file that is there now. Raises RecordsUnavailable where there is none."""
        return cls(path, _identity(path))

    def check(self) -> None:
        """Raises RecordsUnavailable where the file is gone, or another one has taken its place."""
        if _identity(self._path) != self._identity:
            raise RecordsUnavailable(
                f"The records cannot be reached: {self._path} is another file than the one that was opened; "
                "put that one back, or restart the controller to go on with this one"
            )


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise RecordsUnavailable(f"The records cannot be reached: {path}: {error.strerror}") from error
    return found.st_dev, found.st_ino


class FileLock:
    """An exclusive `flock`. The kernel releases it when the process ends, so that no stale lock has to be removed.

    The file stays, as removing it would let two processes lock two files of one name. Its text names the holder.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def acquire(cls, database: Path) -> Self:
        """Creates the folder and locks `<database>.lock`. Raises RecordsInUse when another process has it."""
        path = database.with_name(database.name + ".lock")
        try:
            database.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise RecordsUnavailable(f"The records cannot be opened: {error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise RecordsInUse(
                f"The records at {database} are in use by another controller ({holder}). "
                "Only one may write them: stop that one first."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        return cls(file)

    def release(self) -> None:
        """Releases the lock."""
        self._file.close()


MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(url: str) -> None:
    """Creates or upgrades the schema. Raises RecordsNewer where a newer version did; RecordsUnavailable as `write`."""
    engine = database.migrator(url)
    try:
        with database.translated_errors(), engine.begin() as connection:
            found = revision(connection)
            refuse_newer(found)
            if found != HEAD:
                _upgrade(connection)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    # Imported here, because the import takes half a second and only a first start or an upgrade needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
