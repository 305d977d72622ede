"""A small world behind one port: the Kubernetes API, a PD, and the intake that takes what the agent tells.

Nothing in it takes time. It counts the agent's looks, and a test may have something happen at one of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp.web
from aiohttp.test_utils import TestServer

from tests.unit.agent.objects import PAUSE, PDS, STORES, pod, statefulset, store

Json = Any

TOKEN = "not-everybodys"


class World:
    """A healthy TiKV. `looks` counts how often its StatefulSets were asked for.

    `tickets` and `sessions` are as they stand, by id; `changes` are all statuses of tickets in the order they came,
    `log` all entries. `deleted` are the names of pods that were deleted. `misfortunes`: statuses with which the
    intake refuses what comes next. `before_deleting` is called when a deletion is asked for.
    """

    def __init__(self) -> None:
        self.pods = {name: pod(name) for name in PDS + STORES}
        self.away: set[str] = set()
        self.looks = 0
        self.at_look: dict[int, Callable[[], None]] = {}
        self.deleted: list[str] = []
        self.before_deleting: Callable[[], None] = lambda: None
        self.tickets: dict[str, Json] = {}
        self.sessions: dict[str, Json] = {}
        self.changes: list[str] = []
        self.log: list[Json] = []
        self.misfortunes: list[int] = []

    def put_to_sleep(self, name: str) -> None:
        """What keeps a member down until somebody deletes its pod."""
        self.pods[name] = pod(name, uid=f"asleep-{name}", ready=False, image=PAUSE)

    @property
    def commands(self) -> list[str]:
        """What was run, in order."""
        return [entry["params"]["command"] for entry in self.log if entry["type"] == "tool_call"]

    # What is asked ---------------------------------------------------------------------------------------------------

    async def statefulsets(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        self.looks += 1
        self.at_look.get(self.looks, lambda: None)()
        return aiohttp.web.json_response({"items": [statefulset("pd"), statefulset("tikv")]})

    async def list_pods(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.json_response({"items": list(self.pods.values())})

    async def delete_pod(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        """A pod that is deleted is there anew at once, well, under a new uid."""
        self.before_deleting()
        name, uid = request.match_info["name"], (await request.json())["preconditions"]["uid"]
        if self.pods[name]["metadata"]["uid"] != uid:
            told = {"reason": "Conflict", "message": "the UID in the precondition does not match"}
            return aiohttp.web.json_response(told, status=409)
        self.deleted.append(name)
        self.pods[name] = pod(name, uid=f"{name}-after-{len(self.deleted)}")
        return aiohttp.web.json_response({"kind": "Pod"})

    async def stores(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        listed = [store(name, "Disconnected" if name in self.away else "Up") for name in STORES]
        return aiohttp.web.json_response({"count": len(listed), "stores": listed})

    # What is told ----------------------------------------------------------------------------------------------------

    def refuse(self, request: aiohttp.web.Request) -> aiohttp.web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return aiohttp.web.Response(status=401, text="whose token is that?")
        if self.misfortunes:
            return aiohttp.web.Response(status=self.misfortunes.pop(0), text="not now")
        return None

    async def put_ticket(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if (refusal := self.refuse(request)) is not None:
            return refusal
        body = await request.json()
        self.tickets[request.match_info["id"]] = body
        self.changes.append(body["status"])
        return aiohttp.web.Response(status=204)

    async def put_session(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if (refusal := self.refuse(request)) is not None:
            return refusal
        self.sessions[request.match_info["id"]] = await request.json()
        return aiohttp.web.Response(status=204)

    async def add_log(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        if (refusal := self.refuse(request)) is not None:
            return refusal
        self.log += (await request.json())["entries"]
        return aiohttp.web.Response(status=204)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    """Its URL."""
    app = aiohttp.web.Application()
    app.router.add_get("/apis/apps/v1/namespaces/tikv/statefulsets", world.statefulsets)
    app.router.add_get("/api/v1/namespaces/tikv/pods", world.list_pods)
    app.router.add_delete("/api/v1/namespaces/tikv/pods/{name}", world.delete_pod)
    app.router.add_get("/pd/api/v1/stores", world.stores)
    app.router.add_put("/v1/tickets/{id}", world.put_ticket)
    app.router.add_put("/v1/sessions/{id}", world.put_session)
    app.router.add_post("/v1/log", world.add_log)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
