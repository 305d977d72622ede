"""A websocket to a pod, through the API server: for port-forward and exec.

The `kubernetes` package opens them too, but forgets as whom we ask to be taken (impersonation) and asks the environment
for a proxy by other rules; so the connection is opened here, by the same Connection as every request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import websocket

from controller.cli.cluster.api import REQUEST_SECONDS, Api, refusal
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable
from controller.connection import Credential

PROTOCOL = "v4.channel.k8s.io"
"""The first byte of every message is the channel that it is for."""


def open_websocket(
    api: Api, path: str, query: Sequence[tuple[str, str]], right: str, where: str
) -> websocket.WebSocket:
    """The connection. CommandFailed where the API server opens none; `right` in namespace `where` is what it takes."""
    credential = api.credential()
    try:
        return _opened(api, path, query, credential)
    except websocket.WebSocketBadStatusException as refused:
        renewed = api.credential(credential) if refused.status_code == 401 else credential
        if renewed == credential:
            raise _refusal(refused, right, where) from None
    try:
        return _opened(api, path, query, renewed)
    except websocket.WebSocketBadStatusException as refused:
        raise _refusal(refused, right, where) from None


def _opened(api: Api, path: str, query: Sequence[tuple[str, str]], credential: Credential) -> websocket.WebSocket:
    connection = api.connection
    secure = api.url.startswith("https://")
    options: dict[str, Any] = {"context": api.tls(credential)} if secure else {}
    if secure and connection.trust.server_name:
        options["server_hostname"] = connection.trust.server_name
    opened = websocket.WebSocket(sslopt=options)
    headers = [f"{name}: {value}" for name, value in connection.identity.headers]
    headers += [f"Authorization: {credential.authorization}"] if credential.authorization else []
    proxy = urlsplit(connection.proxy) if connection.proxy else None
    if proxy is not None and proxy.scheme != "http":
        raise Unreachable("No way to a pod can be opened through a proxy that is reached by https")
    login = (unquote(proxy.username or ""), unquote(proxy.password or "")) if proxy and proxy.username else None
    try:
        opened.connect(  # type: ignore[no-untyped-call]
            f"{'wss' if secure else 'ws'}{api.url.removeprefix('https').removeprefix('http')}{path}?{urlencode(query)}",
            header=headers,
            subprotocols=[PROTOCOL],
            timeout=REQUEST_SECONDS,
            suppress_origin=True,
            http_proxy_host=proxy.hostname if proxy else None,
            http_proxy_port=(proxy.port or 80) if proxy else None,
            http_proxy_auth=login,
            proxy_type="http" if proxy else None,
            http_no_proxy=None if proxy else ["*"],
        )
    except websocket.WebSocketBadStatusException:
        raise
    except (websocket.WebSocketException, OSError, ValueError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(f"The API server opens no way to the controller's pod: {words}") from None
    opened.settimeout(None)
    return opened


def _refusal(answer: websocket.WebSocketBadStatusException, right: str, where: str) -> CommandFailed:
    refused = refusal(answer.status_code, answer.resp_body or b"")
    if answer.status_code == 403:
        return Refused(403, f"{refused} (it takes get and create on {right} in namespace {where})")
    return refused
