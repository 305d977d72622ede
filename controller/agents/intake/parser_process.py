"""Parses bodies: `python -m controller.agents.intake.parser_process FD`, at one end of a socket.

A request is its length (4 bytes), the kind of body (one byte: its index in KINDS) and the body. The response is its
length, one byte that says whether the body was taken, and the rows, one a line, or a sentence. The process keeps
nothing between two bodies, so whoever started it may end it at any moment.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

from controller.agents.intake.models import MODELS, InvalidBody, to_line, values_of

KINDS = tuple(MODELS)
LENGTH = struct.Struct("!I")
HEAD = struct.Struct("!IB")
TAKEN, REFUSED, TOO_MUCH = 0, 1, 2

MEMORY_BYTES = 128 << 20
"""The memory limit beyond what the process has at its start. The worst measured body takes a third of it."""

NICENESS = 10
"""The controller, which observes trials, has precedence."""


def answer(kind: str, body: bytes) -> tuple[int, bytes]:
    """Returns the status of a body, and the rows or the reason of the refusal."""
    try:
        return TAKEN, b"\n".join(map(to_line, values_of(kind, body)))
    except InvalidBody as invalid:
        return REFUSED, str(invalid).encode(errors="replace")
    except (MemoryError, RecursionError):
        return TOO_MUCH, b"the body takes too much memory to be read; send fewer entries at once"


def receive(connection: socket.socket, length: int) -> bytes:
    """Returns exactly `length` bytes. Raises EOFError where the other end is closed."""
    body = bytearray(length)
    view, filled = memoryview(body), 0
    while filled < length:
        got = connection.recv_into(view[filled:])
        if not got:
            raise EOFError
        filled += got
    return bytes(body)


def work(connection: socket.socket) -> None:
    """Answers until the other end is closed."""
    while True:
        length, kind = HEAD.unpack(receive(connection, HEAD.size))
        code, text = answer(KINDS[kind], receive(connection, length))
        connection.sendall(HEAD.pack(len(text), code) + text)


def main() -> None:
    """Parses bodies until the socket is closed."""
    os.nice(NICENESS)
    _bound_memory()
    with socket.socket(fileno=int(sys.argv[1])) as connection, suppress(EOFError, ConnectionError):
        work(connection)


def _bound_memory() -> None:
    with suppress(OSError):  # the kernel kills this process first where memory runs out
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # not on macOS
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
