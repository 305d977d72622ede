"""A command in the controller's own pod, as `kubectl exec -i` would run it: for what writes to the records."""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

import websocket

from controller.cli.cluster import controller
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed
from controller.cli.cluster.websockets import open_websocket

STDIN, STDOUT, STDERR, ENDED = range(4)
"""The channels of Kubernetes' exec."""


def run(context: str | None, command: list[str]) -> int:
    """Run it with this terminal as its own, and return its exit status. CommandFailed where that cannot be."""
    api = Api.connect(context)
    pod = controller.find_pod(api)
    query = [("command", word) for word in command]
    query += [(name, "true") for name in ("stdin", "stdout", "stderr")]
    running = open_websocket(api, f"{controller.PODS}/{pod}/exec", query, "pods/exec", controller.NAMESPACE)
    try:
        return _status(_relay(running))
    finally:
        running.close()


def _relay(running: websocket.WebSocket) -> str:
    """Until it ends: its words to us, our lines to it. Returns how it ended, in the words of Kubernetes.

    Our end of input is an empty line: to a question, that is no.
    """
    listening, ended = True, ""
    while True:
        ready: list[Any] = [running.sock]
        # What TLS has decrypted already shows on no socket.
        if not getattr(running.sock, "pending", int)():
            sources: list[Any] = [*ready, sys.stdin] if listening else ready
            ready = select.select(sources, [], [])[0]
        if sys.stdin in ready:
            line = os.read(sys.stdin.fileno(), 4096)
            listening = bool(line)
            running.send_binary(bytes([STDIN]) + (line or b"\n"))
        if running.sock in ready:
            try:
                opcode, said = running.recv_data()
            except (websocket.WebSocketException, OSError):
                return ended
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return ended
            channel, words = said[:1], said[1:].decode(errors="replace")
            if channel == bytes([ENDED]):
                ended += words
            elif words:
                to = sys.stderr if channel == bytes([STDERR]) else sys.stdout
                to.write(words)
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
