"""What a connection to one of our listeners may cost: how many there may be, and how long each may take for what.

uvicorn bounds the pause between two requests and nothing before the first. So whoever opens connections and says
nothing would keep everybody else out, and whoever opens enough of them would take the process's last descriptor.

Where there are too many, room is made rather than the newest refused: the address that has the most connections loses
the one of them that has waited longest without a request. Who keeps few never loses one to who keeps many.
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
"""For the records, the API server, members and the log: no listener may have them."""

LISTENERS = 4

BACKLOG = 64
"""Connections that the kernel holds ready, and that the event loop takes at once, before we see the first of them."""

FEWEST_CONNECTIONS = 8

PIECE_BYTES = 64
FREE_PIECES = 1024
"""A body may come in so many pieces of any size; beyond them, they must have so many bytes on average.

A chunk of one byte costs as much work as one of 64 KiB, and a mebibyte of those would hold up the loop for seconds.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one listener. `header_seconds`: from the connection, or the last answer, to the whole header of a request.

    `request_seconds`: from there to the end of the answer; the body has a limit of its own (agents.intake.gate).
    `of_one_address`: the connections that one address may have; people behind a proxy share its address.
    """

    connections: int = 256
    of_one_address: int = 128
    header_seconds: float = 10.0
    request_seconds: float = 60.0


def raise_descriptor_limit() -> None:
    """Allow the process as many open files as it may allow itself. Many hosts' soft limit of 1,024 is a habit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            log.warning("the limit of open files stays %s: %s", soft, error)


def affordable(wanted: int, descriptors: int | None = None) -> int:
    """How many of the `wanted` connections a listener may have, so that the reserve is kept whatever all of them do.

    `descriptors`: how many files the process may have open; by default, what its limit says.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        descriptors = sys.maxsize
    share = (descriptors - RESERVED_DESCRIPTORS) // LISTENERS - BACKLOG
    return max(FEWEST_CONNECTIONS, min(wanted, share))


class Door:
    """The connections of one listener."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self.most = affordable(limits.connections)
        self.turned_away = 0
        self._inside: dict[BoundedProtocol, str] = {}
        self._of_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, connection: BoundedProtocol, address: str) -> None:
        """Take it in. What is then too much is closed: one that only waits, or else this one."""
        self._inside[connection] = address
        self._of_address[address] += 1
        if self._of_address[address] > self.limits.of_one_address:
            self._make_room(connection, address)
        elif len(self._inside) > self.most:
            greediest, _ = self._of_address.most_common(1)[0]
            self._make_room(connection, greediest)

    def leave(self, connection: BoundedProtocol) -> None:
        """It is gone. Leaving twice is leaving once."""
        address = self._inside.pop(connection, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    def _make_room(self, newest: BoundedProtocol, address: str) -> None:
        theirs = (each for each, its in self._inside.items() if its == address and each is not newest)
        loser = next((each for each in theirs if each.waits_for_request), newest)
        self.turned_away += 1
        loser.drop()

    def make(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> asyncio.Protocol:
        """For uvicorn, which names the arguments: what handles a new connection."""
        return BoundedProtocol(self, config, server_state, app_state)


class _Pieces(h11.Connection):
    """Refuses a body that comes in crumbs."""

    pieces = 0
    its_bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.pieces = self.its_bytes = 0
        elif isinstance(event, h11.Data):
            self.pieces += 1
            self.its_bytes += len(event.data)
            if self.pieces > FREE_PIECES + self.its_bytes // PIECE_BYTES:
                raise h11.RemoteProtocolError("the body comes in too many too small pieces")
        return event


class BoundedProtocol(H11Protocol):
    """uvicorn's connection, with a limit to the time of each of its two states: waiting for a request, answering it."""

    def __init__(self, door: Door, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = _Pieces(h11.SERVER, self.conn._max_incomplete_event_size)
        self._door = door
        self._timer: asyncio.TimerHandle | None = None
        self._state: object = None

    @property
    def waits_for_request(self) -> bool:
        """Whether nothing is being answered on it."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """Close it at once, without a word: who is not there to be talked to would not read one."""
        self._door.leave(self)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._door.enter(self, str(peer[0]) if peer else "")
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        """Give the state its time, from when it began: more bytes of a header do not buy more time for it."""
        state = ("waiting" if self.waits_for_request else "answering", id(self.cycle))
        if state == self._state or self.transport.is_closing():
            return
        self._state = state
        if self._timer is not None:
            self._timer.cancel()
        limits = self._door.limits
        seconds = limits.header_seconds if self.waits_for_request else limits.request_seconds
        self._timer = self.loop.call_later(seconds, self.drop)
