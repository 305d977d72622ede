"""aiohttp's sessions to an API server as a Connection says, ours and Kopf's, and their credentials.

Credentials never block the event loop: files are read and plugins run in a thread, once for all who wait.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from controller.connection import Connection, Credential, Credentials, NoCluster, NoCredential, tls_context
from subjects.cluster import ClusterUnreachable

log = logging.getLogger(__name__)

BUFFER_BYTES = 1 << 21
"""An event of a watch is one line, and may be as long as an object: 1.5 MiB."""


class AsyncCredentials:
    """The current credential of a connection. Methods raise ClusterUnreachable where there is none."""

    def __init__(self, connection: Connection, credentials: Credentials | None = None) -> None:
        self._trust = connection.trust if connection.server.startswith("https://") else None
        self._credentials = credentials or Credentials(connection.identity)
        self._asking: asyncio.Task[Credential] | None = None
        self._logged = ""
        self._context: tuple[bytes, bytes, ssl.SSLContext] | None = None

    async def current(self) -> Credential:
        """Returns a valid credential; where it expires soon, renews it in the background."""
        held = self._credentials.cached
        if held is None:
            return await self._ask(self._credentials.current)
        if self._credentials.stale and self._idle:
            self._start(self._credentials.current)
        return held

    async def renew(self, refused: Credential) -> Credential:
        """Returns another credential after the server rejected this one; the same where there is no other."""
        return await self._ask(lambda: self._credentials.renew(refused))

    def context(self, credential: Credential) -> ssl.SSLContext | None:
        """Returns the TLS context with this credential's client certificate; None for plain HTTP."""
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
        """Returns when a pool that uses our client certificate should be replaced, in UTC; None without an expiry."""
        ends = self._credentials.certificate_ends_at
        return None if ends is None else datetime.fromtimestamp(ends, UTC)

    @property
    def _idle(self) -> bool:
        return self._asking is None or self._asking.done()

    async def _ask(self, ask: Callable[[], Credential]) -> Credential:
        while not self._idle:
            assert self._asking is not None
            await asyncio.wait({self._asking})
        # One waiter may be cancelled; the others still need the answer.
        try:
            return await asyncio.shield(self._start(ask))
        except NoCredential as none:
            raise ClusterUnreachable(f"there is no credential for the API server: {none}") from None

    def _start(self, ask: Callable[[], Credential]) -> asyncio.Task[Credential]:
        self._asking = asyncio.create_task(asyncio.to_thread(ask))
        self._asking.add_done_callback(self._note)
        return self._asking

    def _note(self, task: asyncio.Task[Credential]) -> None:
        """Logs once what is wrong, however many wait."""
        why = "" if task.cancelled() or task.exception() is None else str(task.exception())
        if why and why != self._logged:
            log.warning("no credential for the API server: %s", why)
        self._logged = why


def open_session(connection: Connection, user_agent: str, **more: object) -> aiohttp.ClientSession:
    """Returns a pool for this connection. The caller adds the credential; impersonation headers are set already."""
    headers = CIMultiDict(connection.identity.headers)
    headers["User-Agent"] = user_agent
    if not connection.compression:
        headers["Accept-Encoding"] = "identity"
    return aiohttp.ClientSession(
        headers=headers,
        proxy=connection.proxy,
        trust_env=False,
        # What comes through the pod proxy was written by a member.
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=BUFFER_BYTES,
        **more,  # type: ignore[arg-type]
    )


async def open_authenticated_session(
    connection: Connection, credentials: AsyncCredentials, user_agent: str
) -> aiohttp.ClientSession:
    """Returns a pool that adds the credential to every request, and renews it where the server rejects it.

    A client certificate belongs to the pool: another certificate takes another pool. Raises ClusterUnreachable where
    there is no credential.
    """
    origin = URL(connection.server).origin()

    async def with_credential(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # The credential is not sent to where a redirect leads.
        if request.url.origin() != origin:
            return await send(request)
        if connection.trust.server_name:
            request.server_hostname = connection.trust.server_name
        try:
            credential = await credentials.current()
            _show(request.headers, credential.authorization)
            response = await send(request)
            if response.status == 401:
                renewed = await credentials.renew(credential)
                if renewed.authorization != credential.authorization:
                    response.release()
                    _show(request.headers, renewed.authorization)
                    response = await send(request)
        except ClusterUnreachable as none:
            raise aiohttp.ClientConnectionError(str(none)) from None
        return response

    context = credentials.context(await credentials.current())
    connector = aiohttp.TCPConnector(limit=0, ssl=context or True)
    return open_session(connection, user_agent, connector=connector, middlewares=(with_credential,))


def _show(headers: Mapping[str, str], authorization: str) -> None:
    assert isinstance(headers, CIMultiDict)
    if authorization:
        headers["Authorization"] = authorization
