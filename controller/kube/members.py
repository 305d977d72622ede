"""Requests to a member's HTTP port: directly inside the cluster, through the API server's pod proxy outside.

A laptop has no route to pod IPs. The proxy has one, but opens the connection itself, so it cannot show the member our
client certificate.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

import httpx

from controller.kube.answers import UnreadableAnswer, read_body, read_json
from controller.kube.api import KubeApi
from subjects.cluster import Answer, ClusterUnreachable, MemberRequest, MemberUnreachable

Connect = Callable[[SSLContext], httpx.AsyncBaseTransport]

PLAIN = SSLContext(PROTOCOL_TLS_CLIENT)
"""Passed for plain HTTP, which does not use it; without it, httpx reads its bundle of authorities each time."""

PATH = re.compile(r"(/(?!\.)([\w.~-]|%(?!2[EeFf])[0-9A-Fa-f]{2})+)+(\?[!-~]*)?", re.ASCII)
"""Parts of a path may come from a member (an id, a name). No part may be `..`: above lies the whole API."""

NAME = re.compile(r"\w[\w.:-]{0,252}", re.ASCII)
"""A server name as in certificates. It too may come from a member."""


def connect(context: SSLContext) -> httpx.AsyncBaseTransport:
    """Returns a transport for one request to a member.

    Connections are not kept alive: a killed member must not be assessed by a connection that its old process still
    holds. A whole httpx client is not used, because a member could steer its cookies and redirects.
    """
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


class MemberClient:
    """Implements `Cluster.ask_member`. Raises MemberUnreachable and nothing else."""

    def __init__(self, api: KubeApi, connect: Connect = connect) -> None:
        self._api = api
        self._connect = connect

    async def ask(self, request: MemberRequest) -> Answer:
        """Send one request."""
        name, timeout = request.pod.name, request.timeout
        try:
            if not PATH.fullmatch(request.path):
                raise UnreadableAnswer(f"nothing is asked at {request.path!r}")
            async with asyncio.timeout(timeout):
                if self._api.in_cluster:
                    return await self._directly(request)
                return await self._through_proxy(request)
        except TimeoutError:
            raise MemberUnreachable(f"{name}: no whole answer within {timeout:g} s") from None
        # Beside its own errors httpx lets through those of TLS (OSError) and of names that are none (ValueError).
        except (UnreadableAnswer, ClusterUnreachable, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            broke_off = request.tls is not None and not str(error)
            hint = "; perhaps it does not take our certificate" if broke_off else ""
            raise MemberUnreachable(f"{name}: {_describe_error(error)}{hint}") from error

    async def _directly(self, request: MemberRequest) -> Answer:
        ip, tls = request.pod.ip, request.tls
        if ip is None:
            raise UnreadableAnswer("it has no address yet")
        if tls is not None and not NAME.fullmatch(tls.server_name):
            raise UnreadableAnswer(f"no certificate is made out to {tls.server_name!r}")
        host = f"[{ip}]" if ":" in ip else ip
        sent = httpx.Request(
            request.http_method,
            f"{'https' if tls else 'http'}://{host}:{request.port}{request.path}",
            headers={"Accept-Encoding": "identity"},
            json=request.body,
            extensions={"sni_hostname": tls.server_name} if tls else {},
        )
        async with self._connect(tls.context if tls else PLAIN) as transport:
            response = await transport.handle_async_request(sent)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            try:
                raw = await read_body(response.stream, response.headers.get("Content-Encoding"))
            finally:
                await response.aclose()
        return Answer(response.status_code, read_json(raw))

    async def _through_proxy(self, request: MemberRequest) -> Answer:
        if request.tls is not None:
            raise UnreadableAnswer(
                "the API server's proxy cannot show a member our certificate; for TLS run the controller in the cluster"
            )
        pod = f"/api/v1/namespaces/{request.namespace}/pods/{request.pod.name}:{request.port}"
        status, raw = await self._api.exchange(request.http_method, f"{pod}/proxy{request.path}", body=request.body)
        answer = read_json(raw)
        if isinstance(answer, dict) and answer.get("kind") == "Status":  # the proxy speaks, not the member
            raise UnreadableAnswer(str(answer.get("message", status)))
        return Answer(status, answer)


def _describe_error(error: BaseException) -> str:
    """Returns the error's text, or its cause's: httpx gives none for a connection that was closed."""
    cause: BaseException | None = error
    while cause is not None:
        if text := str(cause):
            return text
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
