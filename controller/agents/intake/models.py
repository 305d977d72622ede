"""What may be sent. Unknown fields are refused, so that none is lost unseen; so are times without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from controller.agents.commands import TOOL_CALL, extract_command, sanitize
from controller.agents.shell import classify
from controller.text import truncate_bytes


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""With a zone: nobody knows which instant another one means."""

MAX_ENTRIES = 500
"""In one request."""


class Sent(BaseModel):
    """Base of everything here: camelCase, nothing unknown."""

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
        """As the records keep it."""
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
        """As the records keep it."""
        status = None if self.status is None else truncate_bytes(self.status, 32)
        return {**self.model_dump(), "status": status}


class EntrySent(Sent):
    """Something that the agent thought, ran, or was answered. `sequence` counts within the session."""

    session: Id
    sequence: int = Field(ge=1, le=2**53 - 1)
    type: Literal["reasoning", "tool_call", "tool_result"]
    content: str = Field("", max_length=262_144)
    tool: str = Field("", max_length=128)
    params: dict[str, Any] | str | None = None
    exit_code: int | None = Field(None, ge=-(2**31), le=2**31 - 1)
    at: Instant | None = None

    def values(self) -> dict[str, Any]:
        """As the records keep it: classified first, as masking removes text, then masked. Can be slow."""
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
            "why": sanitize(effect.why, 256),
            "exit_code": self.exit_code,
            "at": self.at,
        }


class LogSent(Sent):
    """Entries, at most 500. Sent twice is there once. None asks whether the token is good, and loses nothing."""

    entries: list[EntrySent] = Field(max_length=MAX_ENTRIES)

    def values(self) -> list[dict[str, Any]]:
        """As the records keep them."""
        return [entry.values() for entry in self.entries]
