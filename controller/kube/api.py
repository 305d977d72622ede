"""One request to the API server, with credentials from the pod or from kubeconfig, and two kinds of failure.

`ClusterError`: the server answered with a 4xx, so nothing was done. `ClusterUnreachable`: no answer, or a 5xx or 429,
after which nobody can say whether a change was made. Everything above relies on that difference.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config

from controller.kube.answers import take
from controller.kube.redirects import Redirected, refusing_redirects
from controller.meter import UNMETERED, Meter
from controller.settings import FIELD_MANAGER
from subjects.cluster import ClusterError, ClusterUnreachable

REQUEST_SECONDS = 10.0

WRITES = ("POST", "PUT", "PATCH")
"""What the API server notes a manager for. Of a deletion it notes none."""


class NoCluster(Exception):
    """There is no kubeconfig, or it makes no sense; the text says which."""


class KubeApi:
    """A connection pool to one API server. `requests` counts what was sent."""

    def __init__(
        self,
        api: client.ApiClient,
        in_cluster: bool,
        meter: Meter = UNMETERED,
        field_manager: str = FIELD_MANAGER,
    ) -> None:
        self._api = api
        self._api.user_agent = field_manager  # audit logs keep it
        self.field_manager = field_manager
        self._meter = meter
        # The session is made of these at the first request. What comes through the pod proxy was written by a member.
        self._api.configuration.trace_configs = [refusing_redirects()]
        self._api.configuration.client_session_kwargs = {"cookie_jar": aiohttp.DummyCookieJar()}
        self.in_cluster = in_cluster
        self.requests = 0

    @classmethod
    async def connect(
        cls, kubeconfig: Path | None = None, meter: Meter = UNMETERED, field_manager: str = FIELD_MANAGER
    ) -> KubeApi:
        """With the pod's ServiceAccount inside a cluster, else with kubeconfig's current context.

        `kubeconfig` names a file; without one it is what kubectl would take. Raises NoCluster where there is neither.
        """
        settings = client.Configuration()
        in_cluster = kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ
        file = str(kubeconfig) if kubeconfig else None
        try:
            if in_cluster:
                config.load_incluster_config(client_configuration=settings)
            else:
                await config.load_kube_config(config_file=file, client_configuration=settings)
        except config.ConfigException as error:
            raise NoCluster(f"no cluster to work in: {error}") from None
        return cls(client.ApiClient(settings), in_cluster, meter, field_manager)

    async def credentials(self) -> dict[str, Any]:
        """Where and as whom we connect, in the words of `kopf.ConnectionInfo`. A token is read anew when it is old."""
        settings = self._api.configuration
        bearer = (await settings.get_api_key_with_prefix("BearerToken") or "").split()
        return {
            "server": settings.host,
            "ca_path": settings.ssl_ca_cert,
            "insecure": not settings.verify_ssl,
            "certificate_path": settings.cert_file,
            "private_key_path": settings.key_file,
            "username": settings.username or None,
            "password": settings.password or None,
            "token": bearer[-1] if bearer else None,
            "proxy_url": settings.proxy,
        }

    async def close(self) -> None:
        """Close the pool."""
        await self._api.close()

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
        limits = aiohttp.ClientTimeout(total=timeout)
        if method in WRITES:
            # Else `managedFields` of what is written names our client, where everybody reads it.
            query = {"fieldManager": self.field_manager, **(query or {})}
        async with self._send(method, path, query, body, content_type, limits) as response:
            answer = await _decode(response)
            if response.status >= 400:
                raise _refusal(response.status, answer)
            return answer

    async def exchange(self, method: str, path: str, *, body: Any | None) -> tuple[int, bytes]:
        """As `request`, but whatever the other end of a proxied request says is an answer, and may be hostile.

        Returns its status and its body, undecoded. Raises Unreadable where that is not read. The caller sets a limit
        to how long it may take.
        """
        limits = aiohttp.ClientTimeout(total=None)
        plain = {"Accept-Encoding": "identity"}
        async with self._send(method, path, None, body, "application/json", limits, plain) as response:
            encoding = response.headers.get("Content-Encoding")
            return response.status, await take(response.content.iter_any(), encoding)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, timeout: float = REQUEST_SECONDS
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """A watch: an answer without end, line by line, that must begin within `timeout` seconds.

        From then on the caller looks after silence.
        """
        limits = aiohttp.ClientTimeout(total=None)
        async with AsyncExitStack() as answering:
            try:
                async with asyncio.timeout(timeout):
                    sent = self._send("GET", path, query, None, "application/json", limits)
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
        limits: aiohttp.ClientTimeout,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        self.requests += 1
        status: int | None = None
        try:
            _, url, all_headers, _, _ = await self._api.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params={"Content-Type": content_type, "Accept": "application/json", **(headers or {})},
                auth_settings=["BearerToken"],
            )
            answer = await self._api.rest_client.request(
                method, url, headers=all_headers, body=body, _request_timeout=limits
            )
            status = answer.response.status
            try:
                yield answer.response
            finally:
                answer.response.release()
        except Redirected as redirect:
            raise ClusterUnreachable(f"the answer was a redirect, which is not followed (HTTP {redirect})") from None
        except (aiohttp.ClientError, OSError) as error:  # OSError covers TimeoutError and a refused connection
            raise ClusterUnreachable(f"the API server did not answer: {_words(error)}") from error
        finally:
            self._meter.requested(method, status)


async def _decode(response: aiohttp.ClientResponse) -> dict[str, Any]:
    raw = await response.read()
    try:
        decoded = json.loads(raw)
    except ValueError:
        if response.status >= 400:
            return {"message": raw[:512].decode(errors="replace")}
        raise ClusterUnreachable("the API server's answer was no JSON") from None
    return decoded if isinstance(decoded, dict) else {"value": decoded}


def _refusal(status: int, answer: Mapping[str, Any]) -> Exception:
    message = str(answer.get("message") or f"HTTP {status}")
    if status >= 500 or status == 429:
        return ClusterUnreachable(f"the API server could not serve the request (HTTP {status}): {message}")
    return ClusterError(status, message)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
