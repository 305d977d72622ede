"""Turns an agent's log into the commands that it ran and the reasoning in between. Pure.

Commands are paired with their results, classified, masked and cut.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from controller.agents.masking import mask
from controller.agents.protocol import Command, CommandLog, Reasoning
from controller.agents.shell import classify
from controller.text import truncate_bytes

MAX_COMMANDS = 2000
"""The number of commands of an attempt that are kept, the first ones, because an agent may loop."""

COMMAND_BYTES = 4096
"""The most bytes of a stored command. It is classified before it is cut."""

MASKED_FACTOR = 4
"""A text is cut to so many times its final length before it is masked, because masking is slow and shortens it."""

_CUT_COMMAND = re.compile(
    r"""^\s*\{(?:.*?,)??\s*"command"\s*:\s*"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt])*+)""", re.DOTALL
)

TOOL_CALL, TOOL_RESULT, REASONING = "tool_call", "tool_result", "reasoning"

MAX_REASONING = 500
"""The number of pieces of reasoning of an attempt that are kept, the first ones, because an agent may loop."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of an agent's log. `text` is masked and cut already; `at` is the agent's own time, UTC."""

    type: str
    session: str
    tool: str = ""
    exit_code: int | None = None
    at: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, as the agent's log has it. `at` is the agent's own time, UTC."""

    at: datetime | None
    session: str
    tool: str
    command: str
    exit_code: int | None


def exit_codes(log: Sequence[LogEntry]) -> list[int | None]:
    """Returns the exit code of each call's result; None for other entries, and for calls without a result.

    Several calls may be made before the first result. A result belongs to the oldest call of its session and tool that
    has none yet; a result without a tool, to the oldest such call of its session.
    """
    codes: list[int | None] = [None] * len(log)
    waiting: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for index, entry in enumerate(log):
        calls = waiting[entry.session]
        if entry.type == TOOL_CALL:
            calls[index] = entry.tool
        elif entry.type == TOOL_RESULT:
            answered = next((call for call, tool in islice(calls.items(), 100) if entry.tool in ("", tool)), None)
            if answered is not None:
                del calls[answered]
                codes[answered] = entry.exit_code
    return codes


def extract_reasoning(log: Iterable[LogEntry]) -> tuple[Reasoning, ...]:
    """Returns the first MAX_REASONING pieces of reasoning, each with the number of calls before it. Empty ones are
    left out.
    """
    pieces: list[Reasoning] = []
    calls = 0
    for entry in log:
        calls += entry.type == TOOL_CALL
        if entry.type == REASONING and entry.text and len(pieces) < MAX_REASONING:
            pieces.append(Reasoning(entry.at, entry.session, entry.text, calls))
    return tuple(pieces)


def extract_command(params: Any) -> str:
    """Returns the command of a tool call: `command` in its parameters, else all parameters but the reasoning.

    `params` may be JSON as a text, a value, or the command itself. Two calls with the same text are repetitions.
    """
    value = _decoded(params)
    if isinstance(value, Mapping):
        command = value.get("command")
        if isinstance(command, str):
            return command
        if isinstance(command, list):
            return " ".join(map(str, command))
        value = {name: each for name, each in value.items() if name != "reasoning"}
    return value if isinstance(value, str) else "" if not value else json.dumps(value, sort_keys=True, default=str)


def command_log(calls: Sequence[ToolCall]) -> CommandLog:
    """Returns the first MAX_COMMANDS of the calls, classified and then masked."""
    kept = tuple(_command(call) for call in calls[:MAX_COMMANDS])
    return CommandLog(kept, *completeness(len(calls)))


def completeness(commands: int) -> tuple[bool, str]:
    """Returns whether all of so many commands are kept, and if not, a text that says how many are."""
    if commands <= MAX_COMMANDS:
        return True, ""
    return False, f"{commands} commands, of which the first {MAX_COMMANDS} are kept"


def sanitize(text: str, limit: int = COMMAND_BYTES) -> str:
    """Returns an agent's text as it is stored: masked, and at most `limit` bytes of UTF-8."""
    return truncate_bytes(mask(text[: MASKED_FACTOR * limit]), limit)


def _command(call: ToolCall) -> Command:
    effect = classify(call.command)
    return Command(
        at=call.at,
        session=truncate_bytes(call.session, 200),
        tool=truncate_bytes(call.tool, 200),
        command=sanitize(call.command),
        exit_code=call.exit_code,
        mutating=effect.mutating,
        destructive=effect.destructive,
        reason=sanitize(effect.reason, 256),
    )


def _decoded(params: Any) -> Any:
    if isinstance(params, bytes):
        params = params.decode(errors="replace")
    if not isinstance(params, str) or not params.lstrip().startswith(("{", "[", '"')):
        return params
    try:
        return json.loads(params)
    except (ValueError, RecursionError):
        # The JSON was cut because it is too long. Its beginning may contain the command.
        cut = _CUT_COMMAND.search(params) if params.lstrip().startswith("{") else None
        return params if cut is None else {"command": json.loads(f'"{cut[1]}"', strict=False)}
