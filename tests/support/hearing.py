"""Servers that note who asked what: an API server that says one thing to all, and a proxy that lets all through."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Heard:
    """A request as it came in; `certificate` is the common name that the client's certificate bears."""

    server: str
    method: str
    path: str
    authorization: str = ""
    impersonation: tuple[tuple[str, str], ...] = ()
    certificate: str = ""


@dataclass
class Hearing:
    """`url` is where it listens. `heard` is shared by all servers of a test, so that their order can be told."""

    name: str
    heard: list[Heard] = field(default_factory=list)
    takes: Callable[[Heard], bool] = lambda heard: True
    """Whom it knows; the others get a 401."""
    busy: int = 0
    """To so many requests it says first that it has too much to do."""
    answer: Any = field(default_factory=lambda: {"gitVersion": "v1.34.0"})
    url: str = ""

    def count(self, **like: str) -> int:
        """How many requests were like this."""
        return sum(all(getattr(each, name) == value for name, value in like.items()) for each in self.heard)


@contextmanager
def hearing(
    name: str, heard: list[Heard] | None = None, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> Iterator[Hearing]:
    """Such a server, for as long as the block lasts."""
    told = Hearing(name, heard if heard is not None else [])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            one = Heard(
                name,
                self.command,
                self.path,
                self.headers.get("Authorization") or "",
                tuple(sorted((k.title(), v) for k, v in self.headers.items() if k.lower().startswith("impersonate-"))),
                _common_name(self.connection),
            )
            told.heard.append(one)
            status, answer = (200, told.answer) if told.takes(one) else (401, {"message": "Unauthorized"})
            if told.busy:
                told.busy -= 1
                status, answer = 429, {"message": "too many requests"}
            body = json.dumps(answer).encode()
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer

        def do_CONNECT(self) -> None:
            told.heard.append(Heard(name, "CONNECT", self.path, self.headers.get("Proxy-Authorization") or ""))
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port))) as beyond:
                self.send_response(200)
                self.end_headers()
                _relay(self.connection, beyond)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def handle_error(self, *_: Any) -> None:
            pass  # a client that does not trust us, or leaves

        def finish_request(self, request: Any, client_address: Any) -> None:
            # Here, in a thread of its own: a client that does not shake hands holds up nobody.
            if tls is None:
                return super().finish_request(request, client_address)
            with tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)

    with Server((address, 0), Handler) as server:
        host = f"[{address}]" if ":" in address else address
        told.url = f"{'https' if tls else 'http'}://{host}:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield told
        finally:
            server.shutdown()
            serving.join()


def _relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        # What TLS has decrypted already shows on no socket.
        pending = getattr(one, "pending", int)()
        for ready in [one] if pending else select.select([one, other], [], [])[0]:
            try:
                some = ready.recv(65536)
            except OSError:
                return
            if not some:
                return
            (other if ready is one else one).sendall(some)


def _common_name(connection: Any) -> str:
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    names = dict(pair for part in (shown or {}).get("subject", ()) for pair in part)  # type: ignore[misc]
    return str(names.get("commonName", ""))
