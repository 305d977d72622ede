"""Forwards an agent's operator.db over HTTP: a sidecar for an agent that does not send its work itself.

It stores nothing: what it sends again after a restart is recorded once. It reads page by page, so a long log needs no
more memory than a short one. It reads in its own process, because nothing else depends on it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from controller.agents.operatordb import export
from controller.agents.operatordb.export import NOTHING_SENT, LogPosition, RequestBodies
from controller.agents.operatordb.file import reading
from controller.agents.protocol import AgentUnreadable

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0

PAGE_ENTRIES = 200
PAGE_BYTES = 256 * 1024
PAGE_CHANGES = 100
"""How much is read and sent at once. The API accepts requests of up to 1 MiB and 500 entries."""

FULL, PERMANENT_REFUSALS = 409, (409, 413, 422)
"""HTTP statuses of what will never be accepted: it is logged and left out."""

Body = Mapping[str, Any]


class RefusedForNow(Exception):
    """The controller accepts nothing now; the text says why. It is tried again."""


class RefusedForGood(Exception):
    """The controller will never accept this body; the text says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Forwarder:
    """Reads `path` and sends what is new or changed. `token` is called for each request: it may change."""

    def __init__(self, path: Path, zone: tzinfo, client: httpx.AsyncClient, token: Callable[[], str]) -> None:
        self._path = path
        self._zone = zone
        self._client = client
        self._token = token
        self._sent: dict[str, bytes] = {}
        self._position = NOTHING_SENT
        """The part of the log that was sent."""

    async def run(self) -> None:
        """Runs without end; logs once why something cannot be read or sent."""
        last_logged = ""
        while True:
            try:
                await self.once()
                now = ""
            except (AgentUnreadable, RefusedForNow, OSError) as error:
                now = str(error)
            if now != last_logged:
                log.warning("%s", now or "it works again")
                last_logged = now
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(self) -> None:
        """Sends everything that is new. Raises AgentUnreadable, RefusedForNow, or OSError without a token."""
        while changes := await asyncio.to_thread(self._changes):
            for path, body in changes:
                await self._put(path, body)
                self._sent[path] = _digest(body)
        while True:
            entries, position = await asyncio.to_thread(self._page)
            if not entries:
                return
            await self._post(entries)
            self._position = position

    def _changes(self) -> list[tuple[str, Body]]:
        """Returns the next tickets, then sessions, that differ from what was sent."""
        with reading(self._path) as file:
            if file is None:
                return []
            changed = []
            for path, body in RequestBodies(file, self._zone).all():
                if self._sent.get(path) != _digest(body):
                    changed.append((path, body))
                if len(changed) == PAGE_CHANGES:
                    break
            return changed

    def _page(self) -> tuple[list[Body], LogPosition]:
        """Returns the next entries of the log, and the position after them. Another file is read from its beginning."""
        with reading(self._path) as file:
            if file is None:
                return [], self._position
            bodies, position = RequestBodies(file, self._zone), export.begin(file, self._position)
            entries: list[Body] = []
            unsent: list[export.UnsentEntry] = []
            size = 0
            for each in export.next_entries(file, position, self._zone, PAGE_ENTRIES):
                entry = bodies.entry(each.row, each.number)
                size += len(json.dumps(entry))
                if entries and size > PAGE_BYTES:
                    break
                entries.append(entry)
                unsent.append(each)
            return entries, export.after(position, unsent)

    async def _put(self, path: str, body: Body) -> None:
        try:
            await self._send("PUT", path, body)
        except RefusedForGood as refused:
            log.error("%s is not taken (HTTP %d): %s", path, refused.status, refused)

    async def _post(self, entries: list[Body]) -> None:
        """Sends all entries; where they are refused together, one by one, so that only the invalid ones are lost."""
        try:
            await self._send("POST", "/v1/log", {"entries": entries})
        except RefusedForGood as refused:
            if len(entries) > 1 and refused.status != FULL:
                for entry in entries:
                    await self._post([entry])
                return
            log.error("%d entries of the log are not taken (HTTP %d): %s", len(entries), refused.status, refused)

    async def _send(self, method: str, path: str, body: Body) -> None:
        # Escaped, because the agent's own JSON may hold lone surrogates.
        content = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        try:
            answer = await self._client.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise RefusedForNow(f"the controller does not answer: {type(error).__name__}") from None
        if answer.status_code in PERMANENT_REFUSALS:
            raise RefusedForGood(answer.status_code, answer.text[:500])
        if not answer.is_success:
            raise RefusedForNow(f"the controller takes nothing (HTTP {answer.status_code}): {answer.text[:200]}")


def _digest(body: Body) -> bytes:
    return sha256(json.dumps(body).encode()).digest()[:8]
