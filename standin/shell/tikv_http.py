"""A store's status port: is it up, what does it know of a region, how is it configured."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from aiohttp import web

from .. import VERSION
from ..tikv.store import Store

DEFAULTS: dict[str, Any] = {
    "raftstore": {
        "raft-base-tick-interval": "1s",
        "raft-heartbeat-ticks": 2,
        "raft-election-timeout-ticks": 10,
        "raft-store-max-leader-lease": "9s",
        "pd-heartbeat-tick-interval": "1m",
        "pd-store-heartbeat-tick-interval": "10s",
        "max-peer-down-duration": "10m",
        "hibernate-regions": True,
    },
    "server": {"grpc-concurrency": 5, "graceful-shutdown-timeout": "20s"},
    "storage": {"reserve-space": "5GiB", "io-rate-limit": {"max-bytes-per-sec": "0KiB"}},
}
"""Of TiKV's thousand items, those that somebody is likely to look at or to set here."""


def status_app(store: Store, toml: dict[str, Any]) -> web.Application:
    """What is set here is shown again; it changes nothing about how the store behaves."""
    config = _merged(deepcopy(DEFAULTS), toml)

    async def status(_: web.Request) -> web.Response:
        return web.Response()

    async def region(request: web.Request) -> web.Response:
        known = store.kept.replicas.get(int(request.match_info["id"]))
        if known is None or not known.region.peers:
            return web.Response(status=404, text=f"region({request.match_info['id']}) not found")
        return web.json_response(known.status())

    async def show(_: web.Request) -> web.Response:
        return web.json_response(config)

    async def change(request: web.Request) -> web.Response:
        try:
            told = json.loads(await request.read())
            for name, value in told.items():
                *path, last = name.split(".")
                place = config
                for step in path:
                    place = place[step]
                place[last] = type(place[last])(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return web.Response(status=500, text=f"failed to update, error: {error!r}")
        return web.Response()

    async def metrics(_: web.Request) -> web.Response:
        leads = sum(replica.leads for replica in store.kept.replicas.values())
        counts = {"region": len(store.kept.replicas), "leader": leads}
        lines = [f'tikv_raftstore_region_count{{type="{kind}"}} {count}' for kind, count in counts.items()]
        return web.Response(text="\n".join([*lines, f'tikv_server_info{{version="{VERSION}"}} 1', ""]))

    app = web.Application()
    app.router.add_get("/status", status)
    app.router.add_get(r"/region/{id:\d+}", region)
    app.router.add_get("/config", show)
    app.router.add_post("/config", change)
    app.router.add_get("/metrics", metrics)
    return app


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merged(base[key], value)
        else:
            base[key] = value
    return base
