"""The queries about an agent's file, and the process that answers them.

It reads queries from stdin and writes answers to stdout, a line of JSON each, so that the controller never opens an
agent's file. It may have little memory, writes no file but what SQLite needs beside a WAL, and dies by itself where a
query takes too long, whoever asked.
"""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from controller.agents.operatordb.extract import count_rows, find_commands, find_tickets, take_cursor
from controller.agents.operatordb.file import Locked, ReadLimitExceeded, limit_heap, path_refusal, reading
from controller.agents.operatordb.tables import zone_of
from controller.agents.protocol import (
    ANY_FILE,
    AgentUnreadable,
    Command,
    CommandLog,
    Cursor,
    FilePolicy,
    KnownRows,
    Reasoning,
    Ticket,
)
from controller.jsontypes import Json

_ERRORS: Mapping[str, type[AgentUnreadable]] = {
    each.__name__: each for each in (Locked, ReadLimitExceeded, AgentUnreadable)
}


@dataclass(frozen=True, slots=True)
class FileQuery:
    """One query. `about` is `cursor`, `tickets`, `commands`, `refusal` or `counts`.

    `at` is the time by our clock, UTC. `zone` is the IANA name of the zone of naive times. The answer has what is new
    since `cursor`; that to `commands` has those of the sessions that worked on `tickets`, which are ids.
    """

    about: str
    path: str
    at: datetime
    zone: str = "UTC"
    cursor: Cursor | None = None
    tickets: tuple[str, ...] = ()
    policy: FilePolicy = ANY_FILE

    def to_json(self) -> Json:
        """Returns the query as JSON for the reading process."""
        query = asdict(self) | {"at": self.at.isoformat()}
        if self.cursor is not None:
            query["cursor"] = cursor_to_json(self.cursor)
        return query

    @classmethod
    def from_json(cls, query: Json) -> FileQuery:
        """Returns the query that `to_json` encoded."""
        return cls(
            about=query["about"],
            path=query["path"],
            at=datetime.fromisoformat(query["at"]),
            zone=query["zone"],
            cursor=None if query["cursor"] is None else cursor_from_json(query["cursor"]),
            tickets=tuple(query["tickets"]),
            policy=FilePolicy(query["policy"]["below"], tuple(query["policy"]["never"])),
        )


def answer(query: FileQuery) -> Json:
    """Reads the file and returns the answer, or the error that prevents it. Blocks."""
    path, zone = Path(query.path), zone_of(query.zone)
    if query.about == "refusal":
        return {"result": path_refusal(query.policy, path)}
    try:
        with reading(path, query.policy) as file:
            return {"result": _ANSWERS[query.about](file, query, zone)}
    except AgentUnreadable as error:
        return {"trouble": type(error).__name__, "why": str(error)}


def result_of(answered: Json) -> Json:
    """Returns the result in an answer. Raises the error that prevented it."""
    if "trouble" in answered:
        raise _ERRORS.get(str(answered["trouble"]), AgentUnreadable)(str(answered.get("why", "")))
    return answered["result"]


def cursor_to_json(cursor: Cursor) -> Json:
    """Returns the cursor as JSON, with the rows that it remembers."""
    return asdict(cursor) | {"at": cursor.at.isoformat()}


def cursor_from_json(stored: Json) -> Cursor:
    """Returns the cursor that `cursor_to_json` encoded."""
    rows = {name: KnownRows(**stored[name]) for name in ("tickets", "entries")}
    return Cursor(datetime.fromisoformat(stored["at"]), stored["ticket"], stored["entry"], stored["file"], **rows)


def tickets_from_json(stored: Json) -> tuple[Ticket, ...]:
    """Returns the tickets of an answer to `tickets`."""
    return tuple(
        Ticket(**each | {"opened_at": _time(each["opened_at"]), "resolved_at": _time(each["resolved_at"])})
        for each in stored
    )


def log_from_json(stored: Json) -> CommandLog:
    """Returns the log of an answer to `commands`."""
    return CommandLog(
        commands=tuple(Command(**each | {"at": _time(each["at"])}) for each in stored["commands"]),
        complete=stored["complete"],
        reason=stored["reason"],
        reasoning=tuple(Reasoning(**each | {"at": _time(each["at"])}) for each in stored["reasoning"]),
    )


def _time(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)


def _plain(value: Any) -> Json:
    """Returns a value as JSON. Times become ISO 8601."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


_ANSWERS: Mapping[str, Callable[[Any, FileQuery, tzinfo], Json]] = {
    "cursor": lambda file, query, zone: cursor_to_json(take_cursor(file, query.at)),
    "tickets": lambda file, query, zone: _plain([asdict(each) for each in find_tickets(file, _since(query), zone)]),
    "commands": lambda file, query, zone: _plain(asdict(find_commands(file, _since(query), query.tickets, zone))),
    "counts": lambda file, query, zone: count_rows(file),
}


def _since(query: FileQuery) -> Cursor:
    return query.cursor or Cursor(query.at)


MEMORY_BYTES = 512 << 20
"""The limit of its address space: three times what the largest answer takes."""

FILE_BYTES = 16 << 20
"""SQLite's `-shm`, which a reader of a WAL database may have to write, is far smaller."""

ALARM_SECONDS = 60
"""Longer than any caller waits: it ends this process where its parent no longer exists."""


def main() -> None:
    """Answers queries until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    connection = sqlite3.connect(":memory:")
    limit_heap(connection)
    connection.close()
    for line in sys.stdin.buffer:
        signal.alarm(ALARM_SECONDS)
        try:
            answered = json.dumps(answer(FileQuery.from_json(json.loads(line))))
        except MemoryError:
            answered = (
                '{"trouble": "TooMuch", "why": "the file cannot be read: it takes more memory than one read may have"}'
            )
        sys.stdout.buffer.write(answered.encode("ascii") + b"\n")
        sys.stdout.buffer.flush()
        signal.alarm(0)
