"""One controller at a time: a lock on a file beside the database, held as long as the process lives."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import IO, Self

from controller.records.errors import RecordsInUse, RecordsUnavailable


class FileLock:
    """An exclusive `flock`. The kernel drops it with the process, however that ends: no stale locks to remove.

    The file stays (removing it would let two processes lock two files of one name) and says who holds it, for people.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def take(cls, database: Path) -> Self:
        """Create the database's folder and lock `<database>.lock`; RecordsInUse when another process has it."""
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
        """Let the next one in."""
        self._file.close()
