"""One request to the API server, as kubectl would send it, and two kinds of failure.

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

from controller.connection import Connection, Credential, NoCluster, connection_from
from controller.kube.answers import take
from controller.kube.login import Login
from controller.kube.pause import Pause
from controller.kube.sessions import open_session, open_session_for_others
from controller.meter import UNMETERED, Meter
from controller.settings import FIELD_MANAGER
from subjects.cluster import ClusterError, ClusterFailing, ClusterUnreachable

REQUEST_SECONDS = 10.0

FIRST_SECONDS, MOST_SECONDS = 1.0, 30.0
"""How long somebody waits who comes for the second session in a row, and for the tenth."""

WRITES = ("POST", "PUT", "PATCH")
"""What the API server notes a manager for. Of a deletion it notes none."""

REDIRECTS = (301, 302, 303, 307, 308)


class Unauthorized(ClusterFailing):
    """The server does not take our credentials, however new. Others may be given to us yet."""


class KubeApi:
    """A connection pool to one API server. `requests` counts what was sent.

    `field_manager` is the name under which every write is noted in `managedFields`.
    """

    def __init__(self, connection: Connection, meter: Meter = UNMETERED, field_manager: str = FIELD_MANAGER) -> None:
        self.connection = connection
        self.login = Login(connection)
        self.requests = 0
        self._meter = meter
        self._manager = field_manager
        self._lending = Pause(FIRST_SECONDS, MOST_SECONDS, forget_after=2 * MOST_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    async def connect(
        cls, kubeconfig: Path | None = None, meter: Meter = UNMETERED, field_manager: str = FIELD_MANAGER
    ) -> KubeApi:
        """To the cluster that kubectl would take; nothing is sent yet.

        `kubeconfig` names a file, as `kubectl --kubeconfig` does. Raises NoCluster where there is none.
        """
        try:
            connection = await asyncio.to_thread(connection_from, kubeconfig=kubeconfig)
        except NoCluster as none:
            raise NoCluster(f"no cluster to work in: {none}") from None
        return cls(connection, meter, field_manager)

    @property
    def in_cluster(self) -> bool:
        """Whether we are where pods' own addresses can be reached."""
        return self.connection.in_cluster

    async def lend_session(self) -> aiohttp.ClientSession:
        """A pool of its own for somebody else, who closes it; it has the credentials that we have.

        Who comes back at once, because the server did not take them, waits longer each time. Raises ClusterUnreachable.
        """
        await asyncio.sleep(self._lending.next())
        return await open_session_for_others(self.connection, self.login, self._manager)

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
        """As `request`, but whatever the other end of a proxied request says is an answer, and may be hostile.

        Returns its status and its body, undecoded. Raises Unreadable where that is not read. The caller sets a limit
        to how long it may take.
        """
        plain = {"Accept-Encoding": "identity"}
        async with self._send(method, path, None, body, "application/json", plain) as response:
            encoding = response.headers.get("Content-Encoding")
            return response.status, await take(response.content.iter_any(), encoding)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, timeout: float = REQUEST_SECONDS
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """A watch: an answer without end, line by line, that must begin within `timeout` seconds.

        From then on the caller looks after silence.
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
        """The answer to one request; sent a second time, with a new credential, where the first was not taken."""
        url = URL(f"{self.connection.server}{path}{f'?{urlencode(query)}' if query else ''}", encoded=True)
        data = None if body is None else json.dumps(body)
        sent = {"Content-Type": content_type, "Accept": "application/json", **(headers or {})}
        credential = await self.login.current()
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
                        ssl=self.login.context(credential) or True,
                        server_hostname=self.connection.trust.server_name or None,
                        allow_redirects=False,
                    )
                    status = response.status
                    if status in REDIRECTS:
                        raise ClusterFailing(f"the answer was a redirect, which is not followed (HTTP {status})")
                    if status == 401 and not last:
                        renewed = await self.login.renewed(credential)
                        if renewed != credential:
                            credential = renewed
                            response.release()
                            continue
                    yield response
                    return
                except (aiohttp.ClientError, OSError) as error:  # OSError covers a refused connection
                    raise ClusterUnreachable(f"the API server did not answer: {_words(error)}") from error
                finally:
                    self._meter.requested(method, status)
        finally:
            if response is not None:
                response.release()


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Reads an answer about this. Raises ClusterFailing where it is none: who answers is no API server of ours."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise ClusterFailing(f"the API server's answer about {what} makes no sense ({type(error).__name__})") from error


def _shown(credential: Credential) -> dict[str, str]:
    return {"Authorization": credential.authorization} if credential.authorization else {}


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


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
