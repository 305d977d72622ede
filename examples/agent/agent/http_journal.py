"""A journal that sends tickets, sessions and log entries to an intake over HTTP, in order, until each is accepted.

They pass through an outbox, so that an unreachable intake does not delay the agent. Sending twice is harmless: a PUT
replaces, and a log entry is identified by its session and number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from .journal import Entry, JournalUnavailable, Session, Ticket
from .web import client

logger = logging.getLogger(__name__)

LIMIT_SECONDS = 5.0
"""The limit of one request."""

CLOSE_SECONDS = 3.0
"""The limit for sending what is still in the outbox at the end."""

WAITS = (0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts to send the same message. The last one repeats."""

Json = Any
Message = tuple[str, str, Json]


class HttpJournal:
    """Implements Journal. `url` is the intake's, without a path. The token file is read for each request."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._token_file = token_file
        self._client = client(url, LIMIT_SECONDS)
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Sends an empty log, which changes nothing, to check the token and the connection."""
        try:
            answer = await self._send("POST", "/v1/log", {"entries": []})
        except (httpx.HTTPError, OSError) as error:
            raise JournalUnavailable(f"the intake cannot be reached: {error!r}") from error
        if answer.status_code in (401, 403) or answer.status_code >= 500:
            raise JournalUnavailable(f"the intake answers {answer.status_code}: {answer.text[:200]}")
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())

    async def ticket(self, ticket: Ticket) -> None:
        body = {
            "openedAt": _time(ticket.opened_at),
            "message": ticket.message,
            "subject": ticket.subject,
            "severity": ticket.severity,
            "status": ticket.status,
            "resolvedAt": _time(ticket.resolved_at),
            "resolvedBy": ticket.resolved_by,
            "diagnosis": ticket.diagnosis,
        }
        self._outbox.put_nowait(("PUT", f"/v1/tickets/{ticket.id}", _without_none(body)))

    async def session(self, session: Session) -> None:
        body = {
            "ticket": session.ticket,
            "startedAt": _time(session.started_at),
            "endedAt": _time(session.ended_at),
            "status": session.status,
        }
        self._outbox.put_nowait(("PUT", f"/v1/sessions/{session.id}", _without_none(body)))

    async def log(self, entries: Sequence[Entry]) -> None:
        self._outbox.put_nowait(("POST", "/v1/log", {"entries": [_entry(entry) for entry in entries]}))

    async def close(self) -> None:
        try:
            if self._sender is not None:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._outbox.join()
        except TimeoutError:
            logger.warning("%d messages were not sent", self._outbox.qsize())
        finally:
            if self._sender is not None:
                self._sender.cancel()
                await asyncio.gather(self._sender, return_exceptions=True)
            await self._client.aclose()

    async def _send_all(self) -> None:
        while True:
            message = await self._outbox.get()
            await self._send_until_taken(message)
            self._outbox.task_done()

    async def _send_until_taken(self, message: Message) -> None:
        method, path, body = message
        attempts = 0
        while True:
            try:
                answer = await self._send(method, path, body)
            except (httpx.HTTPError, OSError) as error:
                trouble = repr(error)
            else:
                if answer.is_success:
                    return
                trouble = f"{answer.status_code}: {answer.text[:200]}"
                if is_final(answer.status_code):
                    logger.error("%s %s was refused and is not sent again: %s", method, path, trouble)
                    return
            logger.warning("%s %s was not accepted and is sent again: %s", method, path, trouble)
            await asyncio.sleep(WAITS[min(attempts, len(WAITS) - 1)])
            attempts += 1

    async def _send(self, method: str, path: str, body: Json) -> httpx.Response:
        # A small local file that Kubernetes mounts; the read takes microseconds.
        token = self._token_file.read_text().strip()
        return await self._client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})


def is_final(status: int) -> bool:
    """Returns whether the same request would be refused again. The token may change, and load may pass."""
    return 400 <= status < 500 and status not in (401, 403, 408, 429)


def _entry(entry: Entry) -> Json:
    params = None if entry.command is None else {"command": entry.command, "reasoning": entry.reasoning}
    return _without_none(
        {
            "session": entry.session,
            "sequence": entry.sequence,
            "type": entry.type,
            "content": entry.content,
            "tool": entry.tool,
            "params": params,
            "exitCode": entry.exit_code,
            "at": _time(entry.at),
        }
    )


def _time(at: datetime | None) -> str | None:
    """Returns the time with its zone, which the intake requires."""
    return None if at is None else at.isoformat()


def _without_none(body: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if value is not None}
