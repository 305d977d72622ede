"""A command in the controller's own pod, as `kubectl exec -i` would run it: for what writes to the records."""

from __future__ import annotations

import json
import os
import select
import sys

from kubernetes import client, stream
from kubernetes.stream import ws_client

from controller.cli.cluster import controller
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed

GLANCE_SECONDS = 0.1


def run(context: str | None, command: list[str]) -> int:
    """Run it with this terminal as its own, and return its exit status. CommandFailed where that cannot be."""
    api = Api.connect(context)
    pod = controller.find_pod(api)
    try:
        running = stream.stream(
            client.CoreV1Api(api.kube).connect_get_namespaced_pod_exec,
            pod,
            controller.NAMESPACE,
            command=command,
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
    except client.ApiException as error:
        raise controller.websocket_refusal(error, "pods/exec") from None
    try:
        _relay(running)
        return _status(running.read_channel(ws_client.ERROR_CHANNEL))
    finally:
        running.close()


def _relay(running: ws_client.WSClient) -> None:
    """Until it ends: its words to us, our lines to it. Our end of input is an empty line: to a question, that is no."""
    listening = True
    while running.is_open():
        running.update(timeout=GLANCE_SECONDS)
        _pass_on(running)
        if listening and select.select([sys.stdin], [], [], 0)[0]:
            line = os.read(sys.stdin.fileno(), 4096)
            listening = bool(line)
            running.write_stdin(line or b"\n")
    _pass_on(running)


def _pass_on(running: ws_client.WSClient) -> None:
    for channel, to in ((ws_client.STDOUT_CHANNEL, sys.stdout), (ws_client.STDERR_CHANNEL, sys.stderr)):
        if said := running.read_channel(channel):
            to.write(said)
            to.flush()


def _status(said: str) -> int:
    """The exit status, from what Kubernetes says at the end."""
    try:
        ended = json.loads(said)
        if ended["status"] == "Success":
            return 0
        causes = {each["reason"]: each["message"] for each in ended.get("details", {}).get("causes", ())}
        return int(causes["ExitCode"])
    except (ValueError, KeyError, TypeError):
        raise CommandFailed(f"The command in the controller's pod came to no end that could be read: {said}") from None
