"""Finds the controller's pod, forwards a port to it, and runs commands in it.

The `kubernetes` package can open websockets too, but it ignores impersonation and has other rules for proxies. So this
module opens the websocket itself, with the same Connection as every request.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import websocket

from controller.cli.cluster import controller
from controller.cli.cluster.api import REQUEST_SECONDS, Api, refusal
from controller.cli.cluster.errors import CommandFailed, Refused, Unreachable
from controller.connection import Credential

NAMESPACE = os.environ.get("EVALCAMPAIGN_NAMESPACE", "") or "evalcampaign"
"""The controller's namespace. The controller reads the same variable."""

ACCOUNT = "evalcampaign-controller"
SELECTOR = "app.kubernetes.io/name=evalcampaign-controller"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DEPLOY = "kubectl apply -k manifests/controller"


def find_pod(api: Api) -> str:
    """Returns the name of the controller's Ready pod. Raises CommandFailed where there is none."""
    pods = api.get(PODS, labelSelector=SELECTOR)["items"]
    running = [pod for pod in pods if _runs(pod)]
    if running:
        return str(running[0]["metadata"]["name"])
    if pods:
        name, phase = pods[0]["metadata"]["name"], pods[0].get("status", {}).get("phase", "Unknown")
        raise CommandFailed(
            f"The controller's pod {name} is not Ready ({phase}): kubectl -n {NAMESPACE} describe pod {name}"
        )
    raise CommandFailed(f"There is no controller in namespace {NAMESPACE}: {DEPLOY}")


def forward(api: Api, pod: str, port: int) -> Any:
    """Returns a socket-like connection to a port on the pod's 127.0.0.1, through the API server.

    It takes the permissions to get and create `pods/portforward` in the controller's namespace.
    """
    from kubernetes.stream import ws_client

    query = [("ports", str(port))]
    opened = open_websocket(api, f"{PODS}/{pod}/portforward", query, "pods/portforward", NAMESPACE)
    return ws_client.PortForward(opened, [port]).socket(port)


def _runs(pod: dict[str, Any]) -> bool:
    ready = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions", ())}.get("Ready")
    return ready == "True" and "deletionTimestamp" not in pod["metadata"]


PROTOCOL = "v4.channel.k8s.io"
"""The protocol in which the first byte of every message is its channel."""


def open_websocket(
    api: Api, path: str, query: Sequence[tuple[str, str]], permission: str, namespace: str
) -> websocket.WebSocket:
    """Opens a websocket. Raises CommandFailed where the API server refuses.

    `permission` in `namespace` is what it takes, for the message.
    """
    credential = api.credential()
    try:
        return _opened(api, path, query, credential)
    except websocket.WebSocketBadStatusException as refused:
        renewed = api.credential(credential) if refused.status_code == 401 else credential
        if renewed == credential:
            raise _refusal(refused, permission, namespace) from None
    try:
        return _opened(api, path, query, renewed)
    except websocket.WebSocketBadStatusException as refused:
        raise _refusal(refused, permission, namespace) from None


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


def _refusal(answer: websocket.WebSocketBadStatusException, permission: str, namespace: str) -> CommandFailed:
    refused = refusal(answer.status_code, answer.resp_body or b"")
    if answer.status_code == 403:
        return Refused(403, f"{refused} (it takes get and create on {permission} in namespace {namespace})")
    return refused


STDIN, STDOUT, STDERR, ENDED = range(4)
"""The channels of Kubernetes' exec protocol."""


def execute(context: str | None, command: list[str]) -> int:
    """Runs a command in the controller's pod with this terminal, and returns its exit status. Raises CommandFailed."""
    api = Api.connect(context)
    pod = controller.find_pod(api)
    query = [("command", word) for word in command]
    query += [(name, "true") for name in ("stdin", "stdout", "stderr")]
    running = open_websocket(api, f"{controller.PODS}/{pod}/exec", query, "pods/exec", controller.NAMESPACE)
    try:
        return _exit_status(_relay(running))
    finally:
        running.close()


def _relay(running: websocket.WebSocket) -> str:
    """Copies the command's output to stdout and stderr, and stdin to the command, until it ends.

    Returns the Status object, as JSON, with which Kubernetes reports its end. The end of stdin is sent as an empty
    line, which answers a question with no.
    """
    stdin_open, ended = True, ""
    while True:
        ready: list[Any] = [running.sock]
        # select() does not see bytes that TLS has decrypted already.
        if not getattr(running.sock, "pending", int)():
            sources: list[Any] = [*ready, sys.stdin] if stdin_open else ready
            ready = select.select(sources, [], [])[0]
        if sys.stdin in ready:
            line = os.read(sys.stdin.fileno(), 4096)
            stdin_open = bool(line)
            running.send_binary(bytes([STDIN]) + (line or b"\n"))
        if running.sock in ready:
            try:
                opcode, frame = running.recv_data()
            except (websocket.WebSocketException, OSError):
                return ended
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return ended
            channel, output = frame[:1], frame[1:].decode(errors="replace")
            if channel == bytes([ENDED]):
                ended += output
            elif output:
                to = sys.stderr if channel == bytes([STDERR]) else sys.stdout
                to.write(output)
                to.flush()


def _exit_status(text: str) -> int:
    """Returns the exit status in a Status object of Kubernetes. Raises CommandFailed where there is none."""
    try:
        ended = json.loads(text)
        if ended["status"] == "Success":
            return 0
        causes = {each["reason"]: each["message"] for each in ended.get("details", {}).get("causes", ())}
        return int(causes["ExitCode"])
    except (ValueError, KeyError, TypeError):
        raise CommandFailed(f"The command in the controller's pod came to no end that could be read: {text}") from None
