"""Opening somebody else's SQLite file for the length of one look.

Each look opens anew, for the file may be gone, or another, by the next. Whoever writes it waits for a reader (it has no
WAL, as a rule), so a look takes milliseconds, and gives up soon where the writer holds the file.

A WAL database needs care: opening one without its `-wal` file would create that, and a `-shm`. Whether it is one stands
in the header, and to read that is to close a file, which takes from this process every lock that SQLite holds on it.
Hence one look at a path at a time.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from controller.agents.protocol import AgentUnreadable

BUSY_SECONDS = 0.2
"""How long one try waits for the writer. Short, so that a look knows when it was made."""

_MAGIC = b"SQLite format 3\x00"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LOOKS: defaultdict[str, Lock] = defaultdict(Lock)


class Locked(AgentUnreadable):
    """Its writer holds the file; asking again at once may help."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """One snapshot of the file; None where there is none, or nothing in it. Blocks; for a thread.

    Raises Locked, and AgentUnreadable for all else that keeps it from being read, also from within the block.
    """
    with _LOOKS[os.path.realpath(path)]:
        try:
            mode = _mode(path)
            if mode is None:
                yield None
                return
            with closing(_connect(path, mode)) as connection:
                connection.execute("BEGIN")
                yield connection
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
                raise Locked(f"{path} is locked by whoever writes it") from None
            raise AgentUnreadable(f"{path} cannot be read: {error}") from None
        except OSError as error:
            raise AgentUnreadable(f"{path} cannot be read: {error.strerror or error}") from None


def _mode(path: Path) -> str | None:
    """By which options of SQLite's the file may be opened without leaving a trace."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise AgentUnreadable(f"{path} is no file")
    if found.st_size == 0:
        return None
    with path.open("rb") as file:
        header = file.read(20)
    if not header.startswith(_MAGIC):
        raise AgentUnreadable(f"{path} is no SQLite database")
    # Without a -wal nobody has a WAL database open, so it does not change.
    at_rest = header[18:20] == b"\x02\x02" and not os.path.exists(f"{path}-wal")
    return "mode=ro&immutable=1" if at_rest else "mode=ro"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    return connection


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
