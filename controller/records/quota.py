"""The quota of agents' logs: in one campaign, in the whole database, and how much of the disk must stay free.

Attempts and tickets are always written, for they are short and few. Logs are refused earlier, so that there is room for
them. A refused log gets an error message, and its attempt is flagged: its commands are incomplete.
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
"""Bytes of an entry beside its texts: its numbers, times and index."""

TEXTS = ("content", "command", "why", "tool", "session")


@dataclass(frozen=True, slots=True)
class LogLimits:
    """Limits in bytes: of one campaign's log, of the database with logs, and of what stays free on the disk.

    0 means no limit.
    """

    campaign_log: int = 64 * MEBIBYTE
    database: int = 4096 * MEBIBYTE
    free: int = 64 * MEBIBYTE


class LogQuota:
    """The quota of one database. `path` is its file, or None for a server, whose disk is not looked at."""

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
            message = f"all the log that is kept is there ({most >> 20} MiB); no more is taken"
            raise InboxFull(message)

    def add(self, campaign: str, size: int) -> None:
        """Notes that `size` bytes of the campaign's log were committed."""
        if campaign in self._logs:
            self._logs[campaign] += size

    def forget(self, campaign: str) -> None:
        """Forgets the campaign."""
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
    """Returns roughly how many bytes the entries take."""
    return sum(ROW_BYTES + sum(len(row[name].encode(errors="replace")) for name in TEXTS) for row in rows)


def free_bytes(path: Path) -> int | None:
    """Returns the free bytes of the disk with this file, for users that are not root; None where it is unknown."""
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def used_bytes(path: Path) -> int:
    """Returns the bytes of the database's file and of its write-ahead log."""
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
