"""HTTP/1 and gRPC on one port, as PD has them: the first bytes of a connection tell which it is.

gRPC begins with the preface of HTTP/2 and is passed on to a server on a Unix socket; all else is given to aiohttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

PREFACE = b"PRI * HTTP/2.0\r\n"


class Mux(asyncio.Protocol):
    """One connection, until it is clear what it speaks."""

    def __init__(self, http: Callable[[], asyncio.BaseProtocol], grpc_socket: str) -> None:
        self._http = http
        self._grpc_socket = grpc_socket
        self._seen = b""
        self._pipe: Pipe | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._pipe is not None or (len(self._seen) < len(PREFACE) and PREFACE.startswith(self._seen)):
            return
        if self._seen.startswith(PREFACE):
            self._transport.pause_reading()
            self._pipe = Pipe(self._transport)
            self._task = asyncio.create_task(self._join(self._pipe))
        else:
            protocol = cast(asyncio.Protocol, self._http())
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            protocol.data_received(self._seen)

    async def _join(self, near: Pipe) -> None:
        loop = asyncio.get_running_loop()
        try:
            far, back = await loop.create_unix_connection(lambda: Pipe(self._transport), self._grpc_socket)
        except OSError:
            self._transport.close()
            return
        near.other = far
        far.write(self._seen)
        self._transport.set_protocol(near)
        self._transport.resume_reading()
        if self._transport.is_closing():
            back.other.close()
            far.close()


class Pipe(asyncio.Protocol):
    """What comes in here goes out at the other transport."""

    def __init__(self, other: asyncio.Transport) -> None:
        self.other = other

    def data_received(self, data: bytes) -> None:
        self.other.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.other.close()

    def pause_writing(self) -> None:
        """Our own transport cannot keep up with what the other reads."""
        self.other.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.is_closing():
            self.other.resume_reading()
