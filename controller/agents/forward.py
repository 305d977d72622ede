"""Sending on what an agent writes into its operator.db: a sidecar beside an agent that knows nothing of HTTP.

It keeps nothing: what it sends again after a restart is there once all the same. Ids carry what tells one file from the
next, for in a new file they begin anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from controller.agents.operatordb.meaning import command_of, resolved_by_agent
from controller.agents.operatordb.reading import Content, Row, read
from controller.agents.operatordb.times import parse
from controller.agents.protocol import AgentUnreadable

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
ENTRIES_AT_ONCE = 200
REFUSED_FOR_GOOD = (409, 413, 422)
"""What was not taken and never will be: it is said, and left out."""


class Refused(Exception):
    """Nothing is taken just now; the text says why. It is tried again."""


class Forwarder:
    """Reads `path` and sends what is new or changed. `token` is asked each time: it may come late, and change."""

    def __init__(self, path: Path, zone: tzinfo, client: httpx.AsyncClient, token: Callable[[], str]) -> None:
        self._path = path
        self._zone = zone
        self._client = client
        self._token = token
        self._sent: dict[str, Any] = {}
        self._file: tuple[str | None, str | None] | None = None
        self._entry = 0

    async def run(self) -> None:
        """Go on for ever; say why where something cannot be read or sent, once each."""
        trouble = ""
        while True:
            try:
                await self.once()
                now = ""
            except (AgentUnreadable, Refused, OSError) as error:
                now = str(error)
            if now != trouble:
                log.warning("%s", now or "it works again")
                trouble = now
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(self) -> None:
        """Send what is new. Raises AgentUnreadable, Refused, or OSError where there is no token yet."""
        content = await asyncio.to_thread(read, self._path, 0, self._entry)
        if (file := _which(content)) != self._file:
            self._file, self._entry = file, 0
            content = await asyncio.to_thread(read, self._path)
        names = {row["id"]: ticket_id(row) for row in content.tickets}
        for path, body in _bodies(content, names, self._zone):
            if self._sent.get(path) != body:
                await self._send("PUT", path, body)
                self._sent[path] = body
        await self._send_log(content)

    async def _send_log(self, content: Content) -> None:
        for start in range(0, len(content.entries), ENTRIES_AT_ONCE):
            rows = content.entries[start : start + ENTRIES_AT_ONCE]
            await self._send("POST", "/v1/log", {"entries": [_entry(row, self._zone) for row in rows]})
            self._entry = rows[-1]["id"]

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            answer = await self._client.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Refused(f"the controller does not answer: {type(error).__name__}") from None
        if answer.status_code in REFUSED_FOR_GOOD:
            log.error("%s %s is not taken (HTTP %d): %s", method, path, answer.status_code, answer.text[:500])
        elif answer.is_error:
            raise Refused(f"the controller takes nothing (HTTP {answer.status_code}): {answer.text[:200]}")


def _which(content: Content) -> tuple[str | None, str | None]:
    """Which file this is: an inode may be given away again, a first ticket is not written twice."""
    return content.file, ticket_id(content.tickets[0]) if content.tickets else None


def ticket_id(row: Row) -> str:
    """The ticket's id, with what no other file's ticket of that number says."""
    said = f"{row['violation_key']}/{row['first_seen_at']}/{row['created_at']}"
    return f"{row['id']}-{sha256(said.encode()).hexdigest()[:8]}"


def _bodies(content: Content, names: Mapping[Any, str], zone: tzinfo) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in content.tickets:
        yield f"/v1/tickets/{quote(names[row['id']])}", _ticket(row, content, zone)
    for row in content.sessions:
        if row["ticket_id"] in names:
            body = {"ticket": names[row["ticket_id"]], "status": _text(row["status"], 32)}
            yield f"/v1/sessions/{quote(str(row['session_id']), safe='')}", body


def _ticket(row: Row, content: Content, zone: tzinfo) -> dict[str, Any]:
    """As the API takes it. What the file says of who resolved it is decided here, where the sessions are."""
    status = {"diagnosed": "escalated"}.get(row["status"], row["status"])
    agent = resolved_by_agent(row, content.sessions)
    return {
        "openedAt": _time(parse(row["first_seen_at"], zone)),
        "message": _text(row["message"], 65_536) or "",
        "severity": _text(row["severity"], 64),
        "status": status if status in ("open", "acknowledged", "resolved", "escalated") else "open",
        "resolvedAt": _time(parse(row["resolved_at"], zone)),
        "resolvedBy": "agent" if agent else "monitor",
        "diagnosis": _text(row["diagnosis"], 65_536),
    }


def _entry(row: Row, zone: tzinfo) -> dict[str, Any]:
    kinds = ("reasoning", "tool_call", "tool_result")
    return {
        "session": str(row["session_id"])[:128] or "?",
        "sequence": row["id"],
        "type": row["entry_type"] if row["entry_type"] in kinds else "reasoning",
        "content": _text(row["content"], 262_144) or "",
        "tool": _text(row["tool_name"], 128) or "",
        "params": None if row["tool_params"] is None else command_of(row["tool_params"], None),
        "exitCode": row["exit_code"],
        "at": _time(parse(row["timestamp"], zone)),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _text(value: Any, most: int) -> str | None:
    return None if value is None else str(value)[:most]
