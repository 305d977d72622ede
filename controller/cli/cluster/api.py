"""A client of the API server with the user's own credentials. Every error has a message for people."""

from __future__ import annotations

import json
import ssl
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import urllib3

from controller.cli.cluster.errors import NoApiServer, Refused, Unreachable
from controller.connection import (
    Connection,
    Credential,
    Credentials,
    NoCluster,
    NoCredential,
    connection_from,
    tls_context,
)
from controller.jsontypes import Json
from controller.settings import FIELD_MANAGER

REQUEST_SECONDS = 30.0

WRITES = ("POST", "PUT", "PATCH")

MAX_PAUSES = 10
"""The most retries after HTTP 429, as in client-go. A server answers so while it is busy or sets up a new resource."""

MAX_PAUSE_SECONDS = 10


class Api:
    """An API server. `context` is its name in kubeconfig, `namespace` the default namespace of campaigns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.context = connection.context
        self.namespace = connection.namespace
        self._credentials = Credentials(connection.identity)
        self._pool: tuple[Credential, urllib3.PoolManager] | None = None

    @classmethod
    def connect(cls, context: str | None = None, kubeconfig: Path | None = None) -> Api:
        """Connects to the cluster that kubectl would use with this `--context` and `--kubeconfig`.

        Raises NoApiServer where there is none.
        """
        try:
            return cls(connection_from(context=context, kubeconfig=kubeconfig))
        except NoCluster as error:
            raise NoApiServer(f"There is no cluster to ask: {error}") from None

    @property
    def url(self) -> str:
        """The server's URL."""
        return self.connection.server

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Sends one request and returns the decoded response. Raises Refused or Unreachable."""
        if method in WRITES:
            query = {"fieldManager": FIELD_MANAGER, **(query or {})}
        with self._sent(method, path, query, body, content_type, REQUEST_SECONDS) as response:
            raw = response.data
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            raise Unreachable(f"What answers at {self.url} is no API server of Kubernetes") from None
        return answer if isinstance(answer, dict) else {"value": answer}

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Returns the object or list at a path. Raises Refused or Unreachable."""
        return self.request("GET", path, query=query)

    def watch(self, path: str, query: Mapping[str, str], silent_seconds: float) -> Iterator[dict[str, Any]]:
        """Yields the events of a watch until the server ends it.

        Raises Unreachable where nothing arrives for `silent_seconds`, and where something arrives that is not an event.
        The caller then starts again with a list.
        """
        query = {**query, "watch": "true"}
        with self._sent("GET", path, query, None, "application/json", silent_seconds) as response:
            for line in _lines(response):
                try:
                    event = json.loads(line)
                    kind, found = event["type"], event["object"]
                except (ValueError, RecursionError, KeyError, TypeError):
                    raise Unreachable(f"The watch at {self.url} broke off in the middle of a line") from None
                if kind == "ERROR":
                    why = found.get("message") if isinstance(found, dict) else None
                    raise Unreachable(f"The API server at {self.url} ended the watch: {why or 'it does not say why'}")
                yield event

    def credential(self, refused: Credential | None = None) -> Credential:
        """Returns the current credential, or renews one that the server `refused`. Raises Unreachable without any."""
        try:
            return self._credentials.current() if refused is None else self._credentials.renew(refused)
        except NoCredential as none:
            raise Unreachable(f"There is no credential for {self.url}: {none}") from None

    def tls(self, credential: Credential) -> ssl.SSLContext:
        """Returns the TLS settings, with the credential's client certificate, if it has one. Raises Unreachable."""
        try:
            return tls_context(self.connection.trust, credential.certificate, credential.key)
        except NoCluster as useless:
            raise Unreachable(f"There is no credential for {self.url}: {useless}") from None

    @contextmanager
    def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Json,
        content_type: str,
        silent_seconds: float,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Sends a request and returns the response.

        Repeats the request once with a renewed credential after HTTP 401, and after a pause after HTTP 429, because the
        server has done nothing then.
        """
        credential, renewed, pauses = self.credential(), False, 0
        try:
            while True:
                headers = urllib3.HTTPHeaderDict(self._headers)
                headers |= {"Content-Type": content_type, "Accept": "application/json"}
                if credential.authorization:
                    headers["Authorization"] = credential.authorization
                response = self._connections(credential).request(
                    method,
                    f"{self.url}{path}{f'?{urlencode(query)}' if query else ''}",
                    body=None if body is None else json.dumps(body),
                    headers=headers,
                    timeout=urllib3.Timeout(connect=REQUEST_SECONDS, read=silent_seconds),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                try:
                    if response.status == 401 and not renewed:
                        refused, credential, renewed = credential, self.credential(credential), True
                        if credential != refused:
                            response.drain_conn()  # else the rest of this body would be read as the next response
                            continue
                    if response.status == 429 and pauses < MAX_PAUSES and (pause := _retry_after(response)):
                        response.drain_conn()
                        pauses += 1
                        sleep(pause)
                        continue
                    if response.status >= 300:
                        raise refusal(response.status, response.data)
                    yield response
                    return
                finally:
                    response.close()  # a response that was read completely has released its connection already
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # ValueError: an invalid URL
            raise Unreachable(f"The API server at {self.url} does not answer: {_words(error)}") from error

    @property
    def _headers(self) -> list[tuple[str, str]]:
        encoding = [] if self.connection.compression else [("Accept-Encoding", "identity")]
        return [*self.connection.identity.headers, ("User-Agent", FIELD_MANAGER), *encoding]

    def _connections(self, credential: Credential) -> urllib3.PoolManager:
        """Returns the connection pool. A new client certificate needs a new pool."""
        if self._pool is None or self._pool[0].certificate != credential.certificate:
            tls: dict[str, Any] = {}
            if self.url.startswith("https://"):
                name = self.connection.trust.server_name
                if self.connection.trust.insecure:  # kubeconfig asks for it, so urllib3 need not warn
                    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
                tls = {"ssl_context": self.tls(credential), "server_hostname": name or None}
            if proxy := self.connection.proxy:
                login = urlsplit(proxy)
                words = f"{unquote(login.username or '')}:{unquote(login.password or '')}" if login.username else None
                pool: urllib3.PoolManager = urllib3.ProxyManager(
                    proxy,
                    proxy_headers=urllib3.make_headers(proxy_basic_auth=words),
                    proxy_ssl_context=tls.get("ssl_context"),
                    **tls,
                )
            else:
                pool = urllib3.PoolManager(**tls)
            weakref.finalize(self, pool.clear)
            self._pool = (credential, pool)
        return self._pool[1]


def refusal(status: int, raw: bytes) -> Refused | Unreachable:
    """Returns the error for a response with status 300 or above."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        body = {}
    message = body.get("message") or " ".join(raw[:300].decode(errors="replace").split()) or f"HTTP {status}"
    if status >= 500 or status == 429:
        return Unreachable(f"The API server cannot serve this now (HTTP {status}): {message}")
    if status < 400:
        return Unreachable(f"The answer was a redirect, which is not followed (HTTP {status})")
    if status == 401:
        return Refused(status, "The API server does not know you (HTTP 401): log in again, or choose another --context")
    named = body.get("details")
    return Refused(
        status, f"The API server refused: {message}", named=isinstance(named, dict) and bool(named.get("name"))
    )


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(None):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
    if rest:
        yield rest


def _retry_after(response: urllib3.BaseHTTPResponse) -> int | None:
    """Returns the seconds of the header Retry-After, at most MAX_PAUSE_SECONDS; None without a valid header."""
    seconds = response.headers.get("Retry-After", "")
    return min(max(1, int(seconds)), MAX_PAUSE_SECONDS) if seconds.isascii() and seconds.isdecimal() else None


def _words(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return " ".join(str(reason or error or type(error).__name__).split())
