"""The models of what is sent, and the conversion of a body to rows: parse, validate, classify, mask, cut. Pure.

Unknown fields and times without a zone are refused. A mebibyte may take seconds and many times its size in memory, so
`parser_process` does this.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from controller.agents.commands import TOOL_CALL, extract_command, sanitize
from controller.agents.shell import classify
from controller.boundedjson import Bounds, JsonRefused, parse
from controller.text import truncate_bytes


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with a zone."""

MAX_ENTRIES = 500
"""The most entries of one request."""


class Sent(BaseModel):
    """The base of all models here: names in camelCase, unknown fields refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class TicketSent(Sent):
    """A ticket as the agent has it now. Send it again whenever it changes."""

    opened_at: Instant | None = None
    message: str = Field("", max_length=65_536)
    subject: str | None = Field(None, max_length=512, description="`type/namespace`, such as `tikv/tikv`.")
    severity: str | None = Field(None, max_length=64)
    status: Literal["open", "acknowledged", "resolved", "escalated"] = "open"
    resolved_at: Instant | None = None
    resolved_by: Literal["agent", "monitor"] = Field(
        "agent", description="A monitor that no longer sees it resolves nothing."
    )
    diagnosis: str | None = Field(None, max_length=65_536)

    def values(self) -> dict[str, Any]:
        """Returns the row of the records."""
        return {
            "subject": None if self.subject is None else truncate_bytes(self.subject, 512),
            "message": sanitize(self.message),
            "status": self.status,
            "resolved": self.status == "resolved" and self.resolved_by == "agent",
            "opened_at": self.opened_at,
            "resolved_at": self.resolved_at,
        }


class SessionSent(Sent):
    """A session of the agent, in which it works on one ticket."""

    ticket: Id
    started_at: Instant | None = None
    ended_at: Instant | None = None
    status: str | None = Field(None, max_length=32)

    def values(self) -> dict[str, Any]:
        """Returns the row of the records."""
        status = None if self.status is None else truncate_bytes(self.status, 32)
        return {**self.model_dump(), "status": status}


class EntrySent(Sent):
    """A piece of reasoning, a tool call, or its result. `sequence` counts within the session."""

    session: Id
    sequence: int = Field(ge=1, le=2**53 - 1)
    type: Literal["reasoning", "tool_call", "tool_result"]
    content: str = Field("", max_length=262_144)
    tool: str = Field("", max_length=128)
    params: dict[str, Any] | str | None = None
    exit_code: int | None = Field(None, ge=-(2**31), le=2**31 - 1)
    at: Instant | None = None

    def values(self) -> dict[str, Any]:
        """Returns the row of the records. Classifies before masking, which removes text. Can be slow."""
        command = (extract_command(self.params) or self.content) if self.type == TOOL_CALL else ""
        effect = classify(command)
        return {
            "session": self.session,
            "sequence": self.sequence,
            "type": self.type,
            "content": sanitize(self.content),
            "tool": truncate_bytes(self.tool, 128),
            "command": sanitize(command),
            "mutating": effect.mutating,
            "destructive": effect.destructive,
            "why": sanitize(effect.reason, 256),
            "exit_code": self.exit_code,
            "at": self.at,
        }


class LogSent(Sent):
    """Entries, at most 500. Entries that are sent again are kept once. An empty list checks the token."""

    entries: list[EntrySent] = Field(max_length=MAX_ENTRIES)

    def values(self) -> list[dict[str, Any]]:
        """Returns the rows of the records."""
        return [entry.values() for entry in self.entries]


BOUNDS = Bounds(values=100_000, levels=500, digits=4300, finite=False)
"""500 entries with a dozen parameters each hold 12,000 values. All that a JSON library writes is accepted: Python's
writes integers of up to 4,300 digits, and numbers that are not finite.
"""

MODELS: Mapping[str, type[TicketSent] | type[SessionSent] | type[LogSent]] = {
    "ticket": TicketSent,
    "session": SessionSent,
    "log": LogSent,
}

TIMES = ("opened_at", "resolved_at", "started_at", "ended_at", "at")


class InvalidBody(ValueError):
    """The body is invalid; the text says which field and why, and repeats nothing of the body."""


def values_of(kind: str, body: bytes) -> list[dict[str, Any]]:
    """Returns the rows of one body; for a ticket or a session, one row. Raises InvalidBody."""
    try:
        sent = parse(in_utf8(body), BOUNDS)
    except JsonRefused as refused:
        raise InvalidBody(f"body: {refused}") from None
    if not isinstance(sent, dict):
        raise InvalidBody("body: it must be a JSON object")
    tidy(sent)
    try:
        values = MODELS[kind].model_validate(sent).values()
    except ValidationError as invalid:
        raise InvalidBody(in_a_sentence(invalid.errors(include_input=False, include_context=False))) from None
    return values if isinstance(values, list) else [values]


def in_a_sentence(errors: Any) -> str:
    """Returns the first five of pydantic's errors as a text."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in errors[:5])


def to_line(row: Mapping[str, Any]) -> bytes:
    """Encodes a row for the process that writes it."""
    return json.dumps(row, default=datetime.isoformat, ensure_ascii=False).encode(errors="replace")


def from_line(line: bytes) -> dict[str, Any]:
    """Decodes a row of `to_line`."""
    row: dict[str, Any] = json.loads(line)
    for name in TIMES:
        if row.get(name) is not None:
            row[name] = datetime.fromisoformat(row[name])
    return row


def line(text: str, limit: int) -> str:
    """Returns the text on one line, cut to `limit` bytes."""
    return truncate_bytes(" ".join(text.split()), limit)


def in_utf8(body: bytes) -> bytes:
    """Returns a JSON text in UTF-8. The input may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Pairs of surrogates are joined; a lone surrogate becomes `?`. Other encodings are returned unchanged.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass").encode(errors="replace")
    except UnicodeDecodeError:
        return body


def tidy(value: Any) -> None:
    """Replaces lone surrogates by `?` and numbers that are not finite by null, in a decoded JSON value, in place.

    It does not recurse, because the value may be nested deeply.
    """
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            for name in [name for name in node if not name.isascii()]:
                node[_without_surrogates(name)] = node.pop(name)
        for place, each in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(each, dict | list):
                waiting.append(each)
            elif isinstance(each, str) and not each.isascii():
                node[place] = _without_surrogates(each)
            elif isinstance(each, float) and not math.isfinite(each):
                node[place] = None


def _without_surrogates(text: str) -> str:
    return text.encode(errors="replace").decode()
