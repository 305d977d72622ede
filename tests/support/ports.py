"""Ports of 127.0.0.1 that nobody has just now."""

from __future__ import annotations

import socket


def free_port() -> int:
    """One of them. Somebody may take it before we do; the system hands out others first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
