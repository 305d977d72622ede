"""Opening the database, and the one road to it: a single writer thread, a few reader threads.

One writer makes "database is locked" the exception and gives writes an order. Each write is one transaction, begun with
BEGIN IMMEDIATE, so that what it read is still true when it writes. Threads rather than an async driver, because a
commit in a thread cannot be torn by a cancellation: the caller waits for its end, then is cancelled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine

from controller.meter import UNMETERED, Meter
from controller.records import engines
from controller.records.errors import RecordsError
from controller.records.filelock import FileLock
from controller.records.migrate import migrate
from controller.records.place import Place

T = TypeVar("T")

READERS = 4


class Store:
    """Runs functions of a Connection, each in a transaction of its own."""

    def __init__(
        self,
        writer: Engine,
        reader: Engine,
        lock: FileLock | None,
        place: Place | None = None,
        meter: Meter = UNMETERED,
    ) -> None:
        self.commits = 0
        self._meter = meter
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._place = place
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="records-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="records-reader")
        self._closed = False

    @classmethod
    async def open(cls, url: str, meter: Meter = UNMETERED) -> Self:
        """Lock, migrate and open `url`. Errors as `Records.open` says."""
        return await asyncio.to_thread(cls.open_now, url, meter)

    @classmethod
    def open_now(cls, url: str, meter: Meter = UNMETERED) -> Self:
        """The same, blocking."""
        path = engines.sqlite_path(url)
        lock = None if path is None else FileLock.take(path)
        try:
            migrate(url)
            place = None if path is None else Place.of(path)
            return cls(engines.writer(url), engines.reader(url, READERS), lock, place, meter)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    async def close(self) -> None:
        """Wait for what is in flight, close every connection, and unlock."""
        if not self._closed:
            self._closed = True
            await _to_the_end(asyncio.get_running_loop().run_in_executor(None, self._close_now))

    def _close_now(self) -> None:
        self._write_thread.shutdown()
        self._read_threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()  # the last connection to go folds the WAL back into the file
        if self._lock is not None:
            self._lock.release()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a write transaction, after the writes before it, and return when it is committed.

        An exception of `work` rolls back and comes through. RecordsUnavailable after the busy timeout, when the disk
        is full or the file is gone: nothing was committed.
        """
        self._check_open()
        return await _to_the_end(asyncio.get_running_loop().run_in_executor(self._write_thread, self._commit, work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot; it cannot write. RecordsUnavailable when the database cannot be read."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self._snapshot, work)

    def _commit(self, work: Callable[[Connection], T]) -> T:
        self._require_place()
        began = time.perf_counter()
        with engines.translated_errors(), self._writer.begin() as connection:
            result = work(connection)
        self.commits += 1
        self._meter.committed(time.perf_counter() - began)
        return result

    def _snapshot(self, work: Callable[[Connection], T]) -> T:
        self._require_place()
        with engines.translated_errors(), self._reader.begin() as connection:
            return work(connection)

    def _require_place(self) -> None:
        if self._place is not None:
            self._place.require()

    def _check_open(self) -> None:
        if self._closed:
            raise RecordsError("The records are closed already")


async def _to_the_end(future: asyncio.Future[T]) -> T:
    """Wait for `future` whatever happens; a cancellation that came meanwhile is delivered after it."""
    cancellation: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as cancelled:
            cancellation = cancelled
    if cancellation is not None:
        future.exception()  # else asyncio complains that nobody asked
        raise cancellation
    return future.result()
