"""Any address is one of both families: a pod of an IPv6 cluster has no other."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from controller.serving import ANY_ADDRESS, serving


async def app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def answers(host: Any, port: Any) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    line = await reader.readline()
    writer.close()
    return b"204" in line


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as trying:
            trying.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", [ANY_ADDRESS, "0.0.0.0"])
async def test_any_address_is_reached_by_ipv4_and_ipv6(host: Any) -> None:
    async with serving(app, host, 0) as port:
        assert await answers("127.0.0.1", port)
        if has_ipv6():
            assert await answers("::1", port)


async def test_without_ipv6_it_is_ipv4_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    async with serving(app, ANY_ADDRESS, 0) as port:
        assert await answers("127.0.0.1", port)


async def test_one_address_is_that_one_alone() -> None:
    async with serving(app, "127.0.0.1", 0) as port:
        assert await answers("127.0.0.1", port)
        if has_ipv6():
            with pytest.raises(OSError):
                await answers("::1", port)
