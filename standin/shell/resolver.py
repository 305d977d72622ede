"""Names to addresses for aiohttp, looked up no more often than gRPC would."""

from __future__ import annotations

import asyncio
import socket
import time

from aiohttp import abc

from ..names import Names


class PatientResolver(abc.AbstractResolver):
    """Remembers what it found, and what it did not find, for as long as `Names` says."""

    def __init__(self) -> None:
        self._names = Names()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        holds, address = self._names.fresh(time.monotonic(), host)
        if not holds:
            address = await _look_up(host, port)
            self._names.learn(time.monotonic(), host, address)
        if address is None:
            raise OSError(f"no address for {host}")
        found = abc.ResolveResult(
            hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
        )
        return [found]

    async def close(self) -> None:
        pass


async def _look_up(host: str, port: int) -> str | None:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return str(found[0][4][0])
