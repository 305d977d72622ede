"""Asking a member over its own HTTP port: directly inside the cluster, through the API server's pod proxy outside.

A laptop has no route to pod IPs; the proxy has, but speaks for us, so no certificate of ours reaches the member.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

import httpx

from controller.kube.answers import Unreadable, read_json, take
from controller.kube.api import KubeApi
from subjects.cluster import Answer, ClusterUnreachable, MemberRequest, MemberUnreachable

Connect = Callable[[SSLContext], httpx.AsyncBaseTransport]

PLAIN = SSLContext(PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is not used for plain HTTP; without one, httpx reads a whole bundle of authorities each time."""

PATH = re.compile(r"(/(?!\.)([\w.~-]|%(?!2[EeFf])[0-9A-Fa-f]{2})+)+(\?[!-~]*)?", re.ASCII)
"""Parts of a path may come from a member (an id, a name). None may climb: above the proxy's path lies the whole API."""

NAME = re.compile(r"\w[\w.:-]{0,252}", re.ASCII)
"""Of a server, as certificates bear it. It too may come from a member."""


def connect(context: SSLContext) -> httpx.AsyncBaseTransport:
    """A way to a member for one question.

    Connections are not kept: a member that was killed must not be judged by one that its ghost still holds. So there is
    nothing to share either, and a client's cookies and redirects would only be a member's way to steer us.
    """
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


class Members:
    """Implements `Cluster.ask_member`. Raises MemberUnreachable, whatever a member does to us."""

    def __init__(self, api: KubeApi, connect: Connect = connect) -> None:
        self._api = api
        self._connect = connect

    async def ask(self, request: MemberRequest) -> Answer:
        """Send one request."""
        name, timeout = request.pod.name, request.timeout
        try:
            if not PATH.fullmatch(request.path):
                raise Unreadable(f"nothing is asked at {request.path!r}")
            async with asyncio.timeout(timeout):
                if self._api.in_cluster:
                    return await self._directly(request)
                return await self._through_proxy(request)
        except TimeoutError:
            raise MemberUnreachable(f"{name}: no whole answer within {timeout:g} s") from None
        # Beside its own errors httpx lets through those of TLS (OSError) and of names that are none (ValueError).
        except (Unreadable, ClusterUnreachable, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            broke_off = request.tls is not None and not str(error)
            hint = "; perhaps it does not take our certificate" if broke_off else ""
            raise MemberUnreachable(f"{name}: {_words(error)}{hint}") from error

    async def _directly(self, request: MemberRequest) -> Answer:
        ip, tls = request.pod.ip, request.tls
        if ip is None:
            raise Unreadable("it has no address yet")
        if tls is not None and not NAME.fullmatch(tls.server_name):
            raise Unreadable(f"no certificate is made out to {tls.server_name!r}")
        host = f"[{ip}]" if ":" in ip else ip
        sent = httpx.Request(
            request.http_method,
            f"{'https' if tls else 'http'}://{host}:{request.port}{request.path}",
            headers={"Accept-Encoding": "identity"},
            json=request.body,
            extensions={"sni_hostname": tls.server_name} if tls else {},
        )
        async with self._connect(tls.context if tls else PLAIN) as way:
            response = await way.handle_async_request(sent)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            try:
                raw = await take(response.stream, response.headers.get("Content-Encoding"))
            finally:
                await response.aclose()
        return Answer(response.status_code, read_json(raw))

    async def _through_proxy(self, request: MemberRequest) -> Answer:
        if request.tls is not None:
            raise Unreadable(
                "the API server's proxy cannot show a member our certificate; for TLS run the controller in the cluster"
            )
        pod = f"/api/v1/namespaces/{request.namespace}/pods/{request.pod.name}:{request.port}"
        status, raw = await self._api.exchange(request.http_method, f"{pod}/proxy{request.path}", body=request.body)
        answer = read_json(raw)
        if isinstance(answer, dict) and answer.get("kind") == "Status":  # the proxy speaks, not the member
            raise Unreadable(str(answer.get("message", status)))
        return Answer(status, answer)


def _words(error: BaseException) -> str:
    """What it says, or what its cause says: httpx has no words of its own for a connection that broke off."""
    cause: BaseException | None = error
    while cause is not None:
        if words := str(cause):
            return words
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
