"""What may be sent. Unknown fields are refused, so that none is lost unseen; so are times without a zone."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from controller.agents.judgement import judge
from controller.agents.masking import mask

Id = Annotated[str, Field(min_length=1, max_length=128)]
Instant = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
"""With a zone: nobody knows which instant another one means."""

MOST_ENTRIES = 500
"""In one request."""

MOST_CHARACTERS = 4096
"""Of a text that is kept; longer ones are cut, visibly."""


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
            "subject": self.subject,
            "message": short(mask(self.message)),
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
        return self.model_dump()


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
        """As the records keep it: judged first, for what is masked says less, then masked."""
        command = self._command() if self.type == "tool_call" else ""
        judged = judge(command)
        return {
            "session": self.session,
            "sequence": self.sequence,
            "type": self.type,
            "content": short(mask(self.content)),
            "tool": self.tool,
            "command": short(mask(command)),
            "mutating": judged.mutating,
            "destructive": judged.destructive,
            "why": judged.why[:256],
            "exit_code": self.exit_code,
            "at": self.at,
        }

    def _command(self) -> str:
        if isinstance(self.params, str):
            return self.params
        if self.params is None:
            return self.content
        if "command" in self.params:
            return str(self.params["command"])
        rest = {name: value for name, value in self.params.items() if name != "reasoning"}
        return json.dumps(rest, sort_keys=True) if rest else self.content


class LogSent(Sent):
    """Entries, at most 500. Sent twice is there once."""

    entries: list[EntrySent] = Field(min_length=1, max_length=MOST_ENTRIES)


def short(text: str) -> str:
    """At most MOST_CHARACTERS, with a sign that something was cut."""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
