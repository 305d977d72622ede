"""How much room what agents send may take: of one campaign, of the whole database, and what must stay free.

Trials are written whatever agents send, and so are tickets, which are short and few: it is for them that the logs stop
early. What a log brought too much is refused with a sentence, and the attempt says that its commands are incomplete.
"""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Table, cast, func, select

from controller.records.errors import DiskFull, InboxFull
from controller.records.schema import agent_entries

MEBIBYTE = 1 << 20

ROW_BYTES = 256
"""Of an entry beside its texts: its numbers and times, and its place in the index."""

TEXTS = ("content", "command", "why", "tool", "session")


@dataclass(frozen=True, slots=True)
class LogLimits:
    """In bytes. Of one campaign's log; of the database, beyond which no log is taken; and what stays free for the rest.

    0 is no limit.
    """

    campaign_log: int = 64 * MEBIBYTE
    database: int = 4096 * MEBIBYTE
    free: int = 64 * MEBIBYTE


class LogQuota:
    """Of one database. `path` is its file; None for a server, whose disk is its own."""

    def __init__(self, path: Path | None, log_limits: LogLimits = LogLimits()) -> None:
        self._path = path
        self._limits = log_limits
        self._logs: dict[str, int] = {}

    def check(self, connection: Connection, campaign: str, size: int) -> None:
        """Raises DiskFull, or InboxFull, where an agent's log of `size` bytes is too much now. In a transaction."""
        self._check_disk()
        if not (most := self._limits.campaign_log):
            return
        if campaign not in self._logs:
            self._logs[campaign] = _stored(connection, agent_entries, campaign)
        if self._logs[campaign] + size > most:
            said = f"all the log that is kept is there ({most >> 20} MiB); no more is taken"
            raise InboxFull(said)

    def add(self, campaign: str, size: int) -> None:
        """So much was committed."""
        if campaign in self._logs:
            self._logs[campaign] += size

    def forget(self, campaign: str) -> None:
        """Nothing more comes of it."""
        self._logs.pop(campaign, None)

    def _check_disk(self) -> None:
        if self._path is None:
            return
        if self._limits.free and (free := free_bytes(self._path)) is not None and free < self._limits.free:
            raise DiskFull(
                f"the disk of the records has less than {self._limits.free >> 20} MiB left, which are kept for "
                "tickets and what else matters more; logs are taken again when there is room"
            )
        if self._limits.database and used_bytes(self._path) > self._limits.database:
            raise DiskFull(
                f"the records have more than the {self._limits.database >> 20} MiB they may have; "
                "no more logs are taken"
            )


def size_of(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many bytes the entries take, near enough."""
    return sum(ROW_BYTES + sum(len(row[name].encode(errors="replace")) for name in TEXTS) for row in rows)


def free_bytes(path: Path) -> int | None:
    """Of the disk with this file, for who is not root; None where nobody can say."""
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def used_bytes(path: Path) -> int:
    """The database's file and what is still to be folded into it."""
    size = 0
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            size += each.stat().st_size
        except OSError:
            continue
    return size


def _stored(connection: Connection, table: Table, campaign: str) -> int:
    def in_bytes(column: ColumnElement[str]) -> ColumnElement[int]:
        if connection.dialect.name == "sqlite":
            return func.length(cast(column, LargeBinary))
        return func.octet_length(column)

    size = functools.reduce(operator.add, (in_bytes(table.c[name]) for name in TEXTS)) + ROW_BYTES
    return int(connection.scalar(select(func.sum(size)).where(table.c.campaign_uid == campaign)) or 0)
