"""Sessions of aiohttp that reach an API server as a Connection says: ours, and those that Kopf is given."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from controller.connection import Connection
from controller.kube.login import Login
from subjects.cluster import ClusterUnreachable

BUFFER_BYTES = 1 << 21
"""An event of a watch is one line, and may be as long as an object: 1.5 MiB."""


def open_session(connection: Connection, user_agent: str, **more: object) -> aiohttp.ClientSession:
    """A pool for this connection; who uses it adds the credential. Its headers say as whom, where that is another."""
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


async def open_session_for_others(connection: Connection, login: Login, user_agent: str) -> aiohttp.ClientSession:
    """A pool that adds the credential to every request itself, and a new one where the server does not take it.

    A certificate belongs to the pool: for another one the pool must be another. Raises ClusterUnreachable where there
    is no credential.
    """
    origin = URL(connection.server).origin()

    async def with_credential(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # Not to where a redirect leads.
        if request.url.origin() != origin:
            return await send(request)
        if connection.trust.server_name:
            request.server_hostname = connection.trust.server_name
        try:
            credential = await login.current()
            _show(request.headers, credential.authorization)
            response = await send(request)
            if response.status == 401:
                renewed = await login.renewed(credential)
                if renewed.authorization != credential.authorization:
                    response.release()
                    _show(request.headers, renewed.authorization)
                    response = await send(request)
        except ClusterUnreachable as none:
            raise aiohttp.ClientConnectionError(str(none)) from None
        return response

    context = login.context(await login.current())
    connector = aiohttp.TCPConnector(limit=0, ssl=context or True)
    return open_session(connection, user_agent, connector=connector, middlewares=(with_credential,))


def _show(headers: Mapping[str, str], authorization: str) -> None:
    assert isinstance(headers, CIMultiDict)
    if authorization:
        headers["Authorization"] = authorization
