"""From a body to what the records keep of it: parsed, judged, masked, cut. Pure, and done in a process of its own.

A mebibyte takes seconds and many times its size in memory, and whoever sent it may have meant it to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from controller.agents.intake.models import LogSent, SessionSent, TicketSent
from controller.agents.text import in_utf8, tidy
from controller.boundedjson import Bounds, JsonRefused, parse

BOUNDS = Bounds(values=100_000, levels=500, digits=4300, finite=False)
"""500 entries with a dozen parameters each hold 12,000 values. What a JSON library can write is taken: Python's writes
integers of up to 4,300 digits, and numbers that are not finite.
"""

MODELS: Mapping[str, type[TicketSent] | type[SessionSent] | type[LogSent]] = {
    "ticket": TicketSent,
    "session": SessionSent,
    "log": LogSent,
}

TIMES = ("opened_at", "resolved_at", "started_at", "ended_at", "at")


class NotTaken(ValueError):
    """The body makes no sense; the text says which field and why, and repeats nothing that was sent."""


def values_of(kind: str, body: bytes) -> list[dict[str, Any]]:
    """The rows of one body; of a ticket or a session one. Raises NotTaken."""
    try:
        sent = parse(in_utf8(body), BOUNDS)
    except JsonRefused as refused:
        raise NotTaken(f"body: {refused}") from None
    if not isinstance(sent, dict):
        raise NotTaken("body: it must be a JSON object")
    tidy(sent)
    try:
        values = MODELS[kind].model_validate(sent).values()
    except ValidationError as invalid:
        raise NotTaken(in_a_sentence(invalid.errors(include_input=False, include_context=False))) from None
    return values if isinstance(values, list) else [values]


def in_a_sentence(errors: Any) -> str:
    """The first five errors of pydantic's."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in errors[:5])


def to_line(row: Mapping[str, Any]) -> bytes:
    """A row on its way to the process that writes it."""
    return json.dumps(row, default=datetime.isoformat, ensure_ascii=False).encode(errors="replace")


def from_line(line: bytes) -> dict[str, Any]:
    """The same row there."""
    row: dict[str, Any] = json.loads(line)
    for name in TIMES:
        if row.get(name) is not None:
            row[name] = datetime.fromisoformat(row[name])
    return row
