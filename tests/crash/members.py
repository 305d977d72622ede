"""Three etcd members that say over HTTP what healthy ones say, at pod addresses that lead nowhere.

The controller asks members through the API server's pod proxy, and the API server refuses to proxy to 127.0.0.0/8. So
pods are given addresses from a range that nobody has, and kube-apiserver is told of an HTTP proxy for plain HTTP: this
one. The header X-Forwarded-Uri, which the API server adds, says which pod was meant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

NAMES = ("etcd-0", "etcd-1", "etcd-2")


class Members:
    """Who answers. With a pod that is not in `alive` the connection breaks off."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        """By name."""
        self.url = ""
        """Where the proxy listens, once it does."""
        self._leader = NAMES[0]
        self._given = 0

    def new_address(self) -> str:
        """One that no pod had before, as after a pod that comes anew."""
        self._given += 1
        return f"10.66.{self._given // 250}.{self._given % 250 + 1}"

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        _, _, pod = request.headers.get("X-Forwarded-Uri", "").partition("/pods/")
        name, _, _ = pod.partition(":")
        if name not in self.alive:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        body = await request.json() if request.can_read_body else {}
        return web.json_response(self._says(name, request.url.path, body))

    def _says(self, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._leader not in self.alive:
            self._leader = min(self.alive)  # elected at once: what is counted here is not etcd's
        header = {"member_id": _id(name)}
        match path:
            case "/health":
                return {"health": "true"}
            case "/v3/maintenance/status":
                return {"header": header, "leader": _id(self._leader), "version": "3.6.0"}
            case "/v3/cluster/member/list":
                return {"header": header, "members": [{"name": each} for each in NAMES]}
            case "/v3/maintenance/transfer-leadership":
                self._leader = next(each for each in NAMES if _id(each) == body["targetID"])
        return {"header": header}


def _id(name: str) -> str:
    return str(NAMES.index(name) + 1)
