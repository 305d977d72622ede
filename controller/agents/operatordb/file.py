"""Opens an agent's SQLite file for one read, and limits what a statement may do with it.

Every read opens the file anew, because it may be deleted or replaced in between. The writer waits for a reader (the
file usually has no WAL), so a read takes milliseconds, and gives up soon where the writer holds the file.

Opening a WAL database without its `-wal` file would create that file and a `-shm`. The header says whether it is one.
Reading the header closes a file, which releases every lock that SQLite holds on it in this process. So a path is read
once at a time, and never in the process that has the records open (`reader.py`).

An agent may want its reader to hang, to run out of memory, or to run SQL of the file. So only plain tables are read (no
view, no virtual table, no generated column), and only a few harmless functions are called.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from controller.agents.protocol import ANY_FILE, AgentUnreadable, FilePolicy

BUSY_SECONDS = 0.2
"""How long one try waits for the writer. It is short, so that the time of a read is known."""

SQLITE_FILE_SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The suffixes of the files that SQLite opens for a database."""

_MAGIC = b"SQLite format 3\x00"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_READS: defaultdict[str, Lock] = defaultdict(Lock)


class Locked(AgentUnreadable):
    """The writer holds the file; reading it again at once may succeed."""


def path_refusal(policy: FilePolicy, path: Path) -> str | None:
    """Returns why this file may not be read, or None where it may, and where there is none. Follows symbolic links."""
    resolved = os.path.realpath(path)
    if policy.below is not None and not Path(resolved).is_relative_to(os.path.realpath(policy.below)):
        also = "" if resolved == str(path) else f" (it leads to {resolved})"
        return f"{path}{also} does not lie below {policy.below}, where this controller reads agents' files"
    own = {
        found
        for name in policy.never
        for each in SQLITE_FILE_SUFFIXES
        if (found := _inode(f"{name}{each}")) is not None
    }
    if any(_inode(f"{resolved}{each}") in own for each in SQLITE_FILE_SUFFIXES):
        return f"{path} is, or has beside it, a file of this controller's own records"
    return None


@contextmanager
def reading(path: Path, policy: FilePolicy = ANY_FILE) -> Iterator[sqlite3.Connection | None]:
    """Yields one snapshot of the file; None where it is missing or empty. Blocks; for a thread.

    Raises Locked, TooMuch, and AgentUnreadable for every other failure, also from within the block.
    """
    if (refusal := path_refusal(policy, path)) is not None:
        raise AgentUnreadable(refusal)
    resolved = Path(os.path.realpath(path))
    with _READS[str(resolved)]:
        try:
            before = _inode(resolved)
            mode = _mode(resolved, path)
            if mode is None:
                yield None
                return
            with closing(_connect(resolved, mode)) as connection:
                guard(connection)
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if _inode(resolved) != before:
                    raise Locked(f"{path} was replaced while it was opened")
                yield connection
        except sqlite3.Error as error:
            raise _unreadable(path, error) from None
        except MemoryError:
            raise ReadLimitExceeded(f"{path} cannot be read: it takes more memory than one read may have") from None
        except OSError as error:
            raise AgentUnreadable(f"{path} cannot be read: {error.strerror or error}") from None


def _unreadable(path: Path, error: sqlite3.Error) -> AgentUnreadable:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return Locked(f"{path} is locked by whoever writes it")
    if code == sqlite3.SQLITE_INTERRUPT:
        return ReadLimitExceeded(f"{path} cannot be read: it takes longer than one read may take")
    if code == sqlite3.SQLITE_AUTH:
        return AgentUnreadable(f"{path} cannot be read: it asks for more than its plain tables ({error})")
    return AgentUnreadable(f"{path} cannot be read: {error}")


def _inode(path: str | Path) -> tuple[int, int] | None:
    """Returns the device and inode of the file; None where it is missing or cannot be accessed."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _mode(path: Path, named: Path) -> str | None:
    """Returns the URI options that let SQLite create no file; None where the file is missing or empty."""
    for beside in SQLITE_FILE_SUFFIXES[1:]:
        try:
            there = os.lstat(f"{path}{beside}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not stat.S_ISREG(there.st_mode):
            raise AgentUnreadable(f"{named}{beside} is no file")
    try:
        # O_NONBLOCK, because the file may have been replaced by a pipe without a writer.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not path.is_file():
            raise AgentUnreadable(f"{named} is no file") from None
        raise AgentUnreadable(f"{named} cannot be read: {error.strerror}") from None
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise AgentUnreadable(f"{named} is no file")
        if found.st_size == 0:
            return None
        header = os.pread(file, 20, 0)
    finally:
        os.close(file)
    if not header.startswith(_MAGIC):
        raise AgentUnreadable(f"{named} is no SQLite database")
    if header[18:20] != b"\x02\x02":
        return "mode=ro"
    if not os.path.exists(f"{path}-wal"):
        return "mode=ro&immutable=1"  # a WAL database without a -wal is open in no process, so it does not change
    if not os.path.exists(f"{path}-shm"):
        raise Locked(f"{named} has a -wal and no -shm beside it: it is being opened, or was left so by its writer")
    return "mode=ro"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = _text
    return connection


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


CPU_SECONDS = 3.0
"""The limit of one read in SQLite's own loops. Reading a thousand tickets takes some ten milliseconds."""

VALUE_BYTES = 1 << 20
"""The most bytes of a value that SQLite loads. Of a longer value the beginning is read (`tables.read_row`)."""

HEAP_BYTES = 64 << 20
"""SQLite's memory limit in the process that reads such files."""

_STEPS = 10_000
"""Instructions of SQLite's virtual machine between two checks of the time."""

_FUNCTIONS = frozenset({"substr", "typeof", "count", "max", "coalesce"})
_TABLES = frozenset({"tickets", "agent_sessions", "agent_log_entries", "sqlite_master", "sqlite_sequence"})
_PRAGMAS = frozenset({"table_info", "index_list"})


class ReadLimitExceeded(AgentUnreadable):
    """A read exceeded its limits."""


def guard(connection: sqlite3.Connection) -> None:
    """Sets the limits of a connection that was just opened. Must be called before the first statement."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
    connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.set_authorizer(_authorize)
    deadline = time.process_time() + CPU_SECONDS
    connection.set_progress_handler(lambda: time.process_time() > deadline, _STEPS)


def limit_heap(connection: sqlite3.Connection) -> None:
    """Limits SQLite's memory in the whole process, which cannot be undone."""
    connection.execute(f"PRAGMA hard_heap_limit = {HEAP_BYTES}").fetchall()


def _authorize(action: int, first: str | None, second: str | None, _: str | None, within: str | None) -> int:
    """SQLite's authorizer, called for every part of a statement. `within` is the view or trigger that contains it."""
    allowed = within is None and (
        action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION)
        or (action == sqlite3.SQLITE_READ and (first or "").lower() in _TABLES)
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS)
        or (action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _PRAGMAS)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
