"""What may be asked of a file, as it passes between the controller and the process that reads: JSON, and nothing else.

Pure but for `answer`, which is what the reading process does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from controller.agents.operatordb.file import Locked, path_refusal, reading
from controller.agents.operatordb.guard import TooMuch
from controller.agents.operatordb.reading import find_commands, find_tickets, take_cursor
from controller.agents.operatordb.summary import count_rows
from controller.agents.operatordb.times import zone_of
from controller.agents.protocol import (
    ANY_FILE,
    AgentUnreadable,
    Command,
    CommandLog,
    Cursor,
    FilePolicy,
    Known,
    Reasoning,
    Ticket,
)

Json = Any

_TROUBLES: Mapping[str, type[AgentUnreadable]] = {each.__name__: each for each in (Locked, TooMuch, AgentUnreadable)}


@dataclass(frozen=True, slots=True)
class Question:
    """`about`: `cursor`, `tickets`, `commands`, `refusal` or `counts`. `at`: our clock, UTC. `cursor` and `tickets`:
    since when, and of which. `zone`: the IANA name of that of naive times.
    """

    about: str
    path: str
    at: datetime
    zone: str = "UTC"
    cursor: Cursor | None = None
    tickets: tuple[str, ...] = ()
    policy: FilePolicy = ANY_FILE

    def to_json(self) -> Json:
        """For the reading process."""
        asked = asdict(self) | {"at": self.at.isoformat()}
        if self.cursor is not None:
            asked["cursor"] = cursor_to_json(self.cursor)
        return asked

    @classmethod
    def from_json(cls, asked: Json) -> Question:
        """What `to_json` made."""
        return cls(
            about=asked["about"],
            path=asked["path"],
            at=datetime.fromisoformat(asked["at"]),
            zone=asked["zone"],
            cursor=None if asked["cursor"] is None else cursor_from_json(asked["cursor"]),
            tickets=tuple(asked["tickets"]),
            policy=FilePolicy(asked["policy"]["below"], tuple(asked["policy"]["never"])),
        )


def answer(question: Question) -> Json:
    """Read the file, and say what is asked, or what keeps it from being read. Blocks."""
    path, zone = Path(question.path), zone_of(question.zone)
    if question.about == "refusal":
        return {"said": path_refusal(question.policy, path)}
    try:
        with reading(path, question.policy) as file:
            return {"said": _ANSWERS[question.about](file, question, zone)}
    except AgentUnreadable as trouble:
        return {"trouble": type(trouble).__name__, "why": str(trouble)}


def said(answered: Json) -> Json:
    """What was answered. Raises what kept the file from being read."""
    if "trouble" in answered:
        raise _TROUBLES.get(str(answered["trouble"]), AgentUnreadable)(str(answered.get("why", "")))
    return answered["said"]


def cursor_to_json(cursor: Cursor) -> Json:
    """All of it, with the rows that were there."""
    return asdict(cursor) | {"at": cursor.at.isoformat()}


def cursor_from_json(told: Json) -> Cursor:
    """What `cursor_to_json` made."""
    rows = {name: Known(**told[name]) for name in ("tickets", "entries")}
    return Cursor(datetime.fromisoformat(told["at"]), told["ticket"], told["entry"], told["file"], **rows)


def tickets_from_json(told: Json) -> tuple[Ticket, ...]:
    """The answer to `tickets`."""
    return tuple(
        Ticket(**each | {"opened_at": _time(each["opened_at"]), "resolved_at": _time(each["resolved_at"])})
        for each in told
    )


def log_from_json(told: Json) -> CommandLog:
    """The answer to `commands`."""
    return CommandLog(
        commands=tuple(Command(**each | {"at": _time(each["at"])}) for each in told["commands"]),
        complete=told["complete"],
        why=told["why"],
        reasoning=tuple(Reasoning(**each | {"at": _time(each["at"])}) for each in told["reasoning"]),
    )


def _time(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def _plain(value: Any) -> Json:
    """Dataclasses as JSON: times are ISO 8601."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


_ANSWERS: Mapping[str, Callable[[Any, Question, tzinfo], Json]] = {
    "cursor": lambda file, asked, zone: cursor_to_json(take_cursor(file, asked.at)),
    "tickets": lambda file, asked, zone: _plain([asdict(each) for each in find_tickets(file, _since(asked), zone)]),
    "commands": lambda file, asked, zone: _plain(asdict(find_commands(file, _since(asked), asked.tickets, zone))),
    "counts": lambda file, asked, zone: count_rows(file),
}


def _since(asked: Question) -> Cursor:
    return asked.cursor or Cursor(asked.at)
