"""Credentials for the event loop: never blocked by a file or a plugin, and asked for once for all who wait."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from controller.connection import Connection, Credential, Credentials, NoCluster, NoCredential, tls_context
from subjects.cluster import ClusterUnreachable

log = logging.getLogger(__name__)


class Login:
    """The credential of a connection at any time. Raises ClusterUnreachable where nobody gives us one."""

    def __init__(self, connection: Connection, credentials: Credentials | None = None) -> None:
        self._trust = connection.trust if connection.server.startswith("https://") else None
        self._credentials = credentials or Credentials(connection.identity)
        self._asking: asyncio.Task[Credential] | None = None
        self._said = ""
        self._context: tuple[bytes, bytes, ssl.SSLContext] | None = None

    async def current(self) -> Credential:
        """One that serves; where its end is near, the next is asked for meanwhile."""
        held = self._credentials.at_once
        if held is None:
            return await self._ask(self._credentials.current)
        if self._credentials.stale and self._idle:
            self._start(self._credentials.current)
        return held

    async def renewed(self, refused: Credential) -> Credential:
        """Another one in the place of one that the server did not take; the same where there is no other."""
        return await self._ask(lambda: self._credentials.renewed(refused))

    def context(self, credential: Credential) -> ssl.SSLContext | None:
        """The TLS that shows this credential's certificate; None for plain HTTP."""
        if self._trust is None:
            return None
        held = self._context
        if held is None or held[:2] != (credential.certificate, credential.key):
            try:
                made = tls_context(self._trust, credential.certificate, credential.key)
            except NoCluster as useless:
                raise ClusterUnreachable(str(useless)) from None
            held = self._context = (credential.certificate, credential.key, made)
        return held[2]

    @property
    def certificate_ends_at(self) -> datetime | None:
        """When a pool that shows our certificate should give way to another, in UTC; None: not by the clock."""
        ends = self._credentials.certificate_ends_at
        return None if ends is None else datetime.fromtimestamp(ends, UTC)

    @property
    def _idle(self) -> bool:
        return self._asking is None or self._asking.done()

    async def _ask(self, ask: Callable[[], Credential]) -> Credential:
        while not self._idle:
            assert self._asking is not None
            await asyncio.wait({self._asking})
        # Whoever waits may be in a hurry and leave; the others still want the answer.
        try:
            return await asyncio.shield(self._start(ask))
        except NoCredential as none:
            raise ClusterUnreachable(f"there is no credential for the API server: {none}") from None

    def _start(self, ask: Callable[[], Credential]) -> asyncio.Task[Credential]:
        self._asking = asyncio.create_task(asyncio.to_thread(ask))
        self._asking.add_done_callback(self._note)
        return self._asking

    def _note(self, asked: asyncio.Task[Credential]) -> None:
        """Say once what is wrong, however many ask."""
        why = "" if asked.cancelled() or asked.exception() is None else str(asked.exception())
        if why and why != self._said:
            log.warning("no credential for the API server: %s", why)
        self._said = why
