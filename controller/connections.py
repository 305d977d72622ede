"""Limits of the connections to our listeners: how many there may be, and how long each may take.

uvicorn limits the pause between two requests, but not the time before the first one. So a client that opens connections
and sends nothing could keep all others out, and with enough of them use up the process's file descriptors.

Where there are too many connections, the newest is not refused. Instead the address that has the most connections loses
the one that has been idle longest, so a client with few connections never loses one to a client with many.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

log = logging.getLogger(__name__)

RESERVED_DESCRIPTORS = 256
"""File descriptors for the records, the API server, members and the log, which no listener may use."""

LISTENERS = 4

BACKLOG = 64
"""How many connections the kernel queues; the event loop accepts them all before the first is limited here."""

MIN_CONNECTIONS = 8

MIN_CHUNK_BYTES = 64
FREE_CHUNKS = 1024
"""A body may come in so many chunks of any size; beyond them, a chunk must have so many bytes on average.

A chunk of one byte costs as much work as one of 64 KiB, and a mebibyte of those would block the loop for seconds.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one listener.

    `header_seconds`: from the connection, or the last answer, to the complete header of a request. `request_seconds`:
    from there to the end of the answer; the body has a limit of its own (agents.intake.limits). `of_one_address`: how
    many connections one address may have; clients behind a proxy share its address.
    """

    connections: int = 256
    of_one_address: int = 128
    header_seconds: float = 10.0
    request_seconds: float = 60.0


def raise_descriptor_limit() -> None:
    """Raises the soft limit of open files to the hard limit; on many hosts the soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            log.warning("the limit of open files stays %s: %s", soft, error)


def affordable(wanted: int, descriptors: int | None = None) -> int:
    """Returns how many of the `wanted` connections a listener may have without using the reserved descriptors.

    `descriptors`: how many files the process may have open; by default, its limit.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        descriptors = sys.maxsize
    share = (descriptors - RESERVED_DESCRIPTORS) // LISTENERS - BACKLOG
    return max(MIN_CONNECTIONS, min(wanted, share))


class ConnectionLimiter:
    """The open connections of one listener, and which of them is closed when there are too many."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self.max_connections = affordable(limits.connections)
        self._open: dict[BoundedProtocol, str] = {}
        self._of_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: BoundedProtocol, address: str) -> None:
        """Adds a connection. If that is one too many, an idle one is closed, or else this one."""
        self._open[connection] = address
        self._of_address[address] += 1
        if self._of_address[address] > self.limits.of_one_address:
            self._close_one(connection, address)
        elif len(self._open) > self.max_connections:
            busiest, _ = self._of_address.most_common(1)[0]
            self._close_one(connection, busiest)

    def remove(self, connection: BoundedProtocol) -> None:
        """Removes a connection that was closed. Removing it again does nothing."""
        address = self._open.pop(connection, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    def _close_one(self, newest: BoundedProtocol, address: str) -> None:
        candidates = (each for each, its in self._open.items() if its == address and each is not newest)
        victim = next((each for each in candidates if each.waits_for_request), newest)
        victim.drop()

    def make(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """Returns the protocol of a new connection; uvicorn names the arguments."""
        return BoundedProtocol(self, config, server_state, app_state)


class _ChunkLimit(h11.Connection):
    """Refuses a body that comes in too many small chunks."""

    chunks = 0
    its_bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.chunks = self.its_bytes = 0
        elif isinstance(event, h11.Data):
            self.chunks += 1
            self.its_bytes += len(event.data)
            if self.chunks > FREE_CHUNKS + self.its_bytes // MIN_CHUNK_BYTES:
                raise h11.RemoteProtocolError("the body comes in too many too small chunks")
        return event


class BoundedProtocol(H11Protocol):
    """uvicorn's connection, with a time limit for each of its two states: waiting for a request, and answering it."""

    def __init__(
        self, limiter: ConnectionLimiter, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = _ChunkLimit(h11.SERVER, self.conn._max_incomplete_event_size)
        self._limiter = limiter
        self._timer: asyncio.TimerHandle | None = None
        self._state: object = None

    @property
    def waits_for_request(self) -> bool:
        """Returns whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """Closes the connection at once, without an answer, which an absent client would not read."""
        self._limiter.remove(self)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._limiter.add(self, str(peer[0]) if peer else "")
        self._restart_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._limiter.remove(self)
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._restart_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._restart_timer()

    def _restart_timer(self) -> None:
        """Starts the time limit of a state when the state begins; more bytes of a header do not extend it."""
        state = ("waiting" if self.waits_for_request else "answering", id(self.cycle))
        if state == self._state or self.transport.is_closing():
            return
        self._state = state
        if self._timer is not None:
            self._timer.cancel()
        limits = self._limiter.limits
        seconds = limits.header_seconds if self.waits_for_request else limits.request_seconds
        self._timer = self.loop.call_later(seconds, self.drop)
