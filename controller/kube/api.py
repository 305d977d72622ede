"""Sends requests to the API server, as kubectl would, and distinguishes two kinds of failure.

`ClusterError`: the server answered with a 4xx, so nothing was done. `ClusterUnreachable`: no answer, or a 5xx or 429
(`ClusterFailing`), after which nobody can say whether a change was made. Everything above relies on that difference.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from controller.connection import Connection, NoCluster, connection_from
from controller.kube.answers import read_body
from controller.kube.backoff import Backoff
from controller.kube.sessions import AsyncCredentials, open_authenticated_session, open_session
from controller.meter import UNMETERED, Meter
from controller.settings import FIELD_MANAGER
from subjects.cluster import ClusterError, ClusterFailing, ClusterUnreachable

REQUEST_SECONDS = 10.0

FIRST_SECONDS, MAX_SECONDS = 1.0, 30.0
"""The wait before the second session in a row is opened, and the longest wait before a later one."""

WRITES = ("POST", "PUT", "PATCH")
"""The methods for which the API server records a field manager; it records none for DELETE."""

REDIRECTS = (301, 302, 303, 307, 308)


class Unauthorized(ClusterFailing):
    """The server rejects our credentials, even renewed ones. A later renewal may still succeed."""


class KubeApi:
    """A connection pool to one API server. `requests` counts what was sent.

    `field_manager` is the name under which every write is noted in `managedFields`.
    """

    def __init__(self, connection: Connection, meter: Meter = UNMETERED, field_manager: str = FIELD_MANAGER) -> None:
        self.connection = connection
        self.credentials = AsyncCredentials(connection)
        self.requests = 0
        self._meter = meter
        self._manager = field_manager
        self._lending = Backoff(FIRST_SECONDS, MAX_SECONDS, forget_after=2 * MAX_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    async def connect(
        cls, kubeconfig: Path | None = None, meter: Meter = UNMETERED, field_manager: str = FIELD_MANAGER
    ) -> KubeApi:
        """Returns an API of the cluster that kubectl would choose; sends nothing yet.

        `kubeconfig` names a file, as `kubectl --kubeconfig` does. Raises NoCluster where there is none.
        """
        try:
            connection = await asyncio.to_thread(connection_from, kubeconfig=kubeconfig)
        except NoCluster as none:
            raise NoCluster(f"no cluster to work in: {none}") from None
        return cls(connection, meter, field_manager)

    @property
    def in_cluster(self) -> bool:
        """Returns whether pods' own addresses can be reached, because we run in a pod of the cluster."""
        return self.connection.in_cluster

    async def open_authenticated_session(self) -> aiohttp.ClientSession:
        """Returns a new pool with our credentials; the caller closes it.

        Callers that come back soon, because the server rejected the credentials, wait longer each time. Raises
        ClusterUnreachable.
        """
        await asyncio.sleep(self._lending.next())
        return await open_authenticated_session(self.connection, self.credentials, self._manager)

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any | None = None,
        content_type: str = "application/json",
        timeout: float = REQUEST_SECONDS,
    ) -> dict[str, Any]:
        """Send one request and return the decoded answer. `timeout` in seconds for the whole exchange."""
        if method in WRITES:
            query = {"fieldManager": self._manager, **(query or {})}
        try:
            async with asyncio.timeout(timeout), self._send(method, path, query, body, content_type) as response:
                answer = await _decode(response)
                if response.status >= 400:
                    raise _refusal(response.status, answer)
                return answer
        except TimeoutError:
            raise ClusterUnreachable("the API server did not answer: TimeoutError") from None

    async def exchange(self, method: str, path: str, *, body: Any | None) -> tuple[int, bytes]:
        """Send one request through the pod proxy. Returns status and undecoded body for every status.

        The answer may be hostile. Raises UnreadableAnswer where its body is not read. The caller limits the time.
        """
        plain = {"Accept-Encoding": "identity"}
        async with self._send(method, path, None, body, "application/json", plain) as response:
            encoding = response.headers.get("Content-Encoding")
            return response.status, await read_body(response.content.iter_any(), encoding)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, timeout: float = REQUEST_SECONDS
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Opens a watch, an endless answer of lines, which must begin within `timeout` seconds.

        After that the caller detects silence.
        """
        async with AsyncExitStack() as answering:
            try:
                async with asyncio.timeout(timeout):
                    sent = self._send("GET", path, query, None, "application/json")
                    response = await answering.enter_async_context(sent)
                    if response.status >= 400:
                        raise _refusal(response.status, await _decode(response))
            except TimeoutError:
                raise ClusterUnreachable("the API server did not begin the watch") from None
            yield response.content

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any | None,
        content_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends one request; sends it again, with a renewed credential, where the first credential was rejected."""
        url = URL(f"{self.connection.server}{path}{f'?{urlencode(query)}' if query else ''}", encoded=True)
        data = None if body is None else json.dumps(body)
        sent = {"Content-Type": content_type, "Accept": "application/json", **(headers or {})}
        credential = await self.credentials.current()
        response: aiohttp.ClientResponse | None = None
        try:
            for last in (False, True):
                self.requests += 1
                if self._session is None:
                    self._session = open_session(self.connection, self._manager)
                status: int | None = None
                try:
                    response = await self._session.request(
                        method,
                        url,
                        data=data,
                        headers=sent | {"Authorization": credential.authorization}
                        if credential.authorization
                        else sent,
                        ssl=self.credentials.context(credential) or True,
                        server_hostname=self.connection.trust.server_name or None,
                        allow_redirects=False,
                    )
                    status = response.status
                    if status in REDIRECTS:
                        raise ClusterFailing(f"the answer was a redirect, which is not followed (HTTP {status})")
                    if status == 401 and not last:
                        renewed = await self.credentials.renew(credential)
                        if renewed != credential:
                            credential = renewed
                            response.release()
                            continue
                    yield response
                    return
                except (aiohttp.ClientError, OSError) as error:  # OSError covers a refused connection
                    raise ClusterUnreachable(f"the API server did not answer: {_describe_error(error)}") from error
                finally:
                    self._meter.requested(method, status)
        finally:
            if response is not None:
                response.release()


@contextmanager
def parsing(what: str) -> Iterator[None]:
    """Raises ClusterFailing where the block cannot parse an answer about `what`: no API server answers like that."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ClusterFailing(f"the API server's answer about {what} makes no sense ({type(error).__name__})") from error


async def _decode(response: aiohttp.ClientResponse) -> dict[str, Any]:
    raw = await response.read()
    try:
        decoded = json.loads(raw)
    except (ValueError, RecursionError):
        if response.status >= 400:
            return {"message": raw[:512].decode(errors="replace")}
        raise ClusterFailing("the API server's answer was no JSON") from None
    return decoded if isinstance(decoded, dict) else {"value": decoded}


def _refusal(status: int, answer: Mapping[str, Any]) -> Exception:
    message = str(answer.get("message") or f"HTTP {status}")
    if status >= 500 or status == 429:
        return ClusterFailing(f"the API server could not serve the request (HTTP {status}): {message}")
    if status == 401:
        return Unauthorized(f"the API server does not take our credentials (HTTP 401): {message}")
    return ClusterError(status, message)


def _describe_error(error: BaseException) -> str:
    return str(error) or type(error).__name__
