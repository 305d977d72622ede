"""From what an agent ran to what is kept of it: masked, judged, and not without end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controller.agents.judgement import judge
from controller.agents.masking import mask
from controller.agents.protocol import Command, CommandLog

MOST_COMMANDS = 2000
"""An agent in a loop must not fill the records; what is cut is said."""

MOST_CHARACTERS = 4096
"""Of one command."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One call of a tool, as the agent's log has it. `at` is the agent's own time, UTC."""

    at: datetime | None
    session: str
    tool: str
    command: str
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many commands, how many different ones, how many more than once; how many could change and destroy."""

    total: int
    unique: int
    repeated: int
    mutating: int
    destructive: int


def log_of(deeds: Sequence[Deed]) -> CommandLog:
    """All of them, judged and then masked; the first MOST_COMMANDS."""
    kept = tuple(_command(deed) for deed in deeds[:MOST_COMMANDS])
    if len(deeds) > MOST_COMMANDS:
        return CommandLog(
            kept, complete=False, why=f"{len(deeds)} commands, of which the first {MOST_COMMANDS} are kept"
        )
    return CommandLog(kept)


def count(commands: Sequence[Mapping[str, Any]]) -> Counts:
    """Of commands as the record has them. Two are the same when tool and command are, whatever the reasoning."""
    different = {(command["tool"], command["command"]) for command in commands}
    return Counts(
        total=len(commands),
        unique=len(different),
        repeated=len(commands) - len(different),
        mutating=sum(bool(command["mutating"]) for command in commands),
        destructive=sum(bool(command["destructive"]) for command in commands),
    )


def _command(deed: Deed) -> Command:
    judged = judge(deed.command)
    text = mask(deed.command)
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 1] + "…"
    return Command(
        at=deed.at,
        session=deed.session,
        tool=deed.tool,
        command=text,
        exit_code=deed.exit_code,
        mutating=judged.mutating,
        destructive=judged.destructive,
        why=judged.why,
    )
