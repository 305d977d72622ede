"""An API server in the test's own event loop: kmock speaks HTTP and discovery, `Objects` holds the state.

It can misbehave on demand: go away with 503, hang up on every connection, or refuse chosen requests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp.web
import kmock

from tests.emulator.objects import Key, Objects, Refused

Json = Any

CAMPAIGNS = "evalcampaign.dev/v1alpha1/evalcampaigns"
DEFINITIONS = "apiextensions.k8s.io/v1/customresourcedefinitions"

KINDS = {
    "v1/configmaps": "ConfigMap",
    CAMPAIGNS: "EvalCampaign",
    DEFINITIONS: "CustomResourceDefinition",
    "v1/events": "Event",
    "v1/namespaces": "Namespace",
    "v1/pods": "Pod",
    "apps/v1/deployments": "Deployment",
    "apps/v1/replicasets": "ReplicaSet",
}
"""Kopf finds these by discovery before it does anything; those from definitions on it never asks for."""

CLUSTER_WIDE = {"v1/namespaces", DEFINITIONS}
VERBS = {"get", "list", "watch", "create", "patch", "delete"}

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "emulator",
    "contexts": [{"name": "emulator", "context": {"cluster": "emulator", "user": "tester"}}],
    "users": [{"name": "tester", "user": {"token": "a-token"}}],
}


class ApiServer(kmock.KubernetesScaffold):
    """See the module. Use it within `serving()`; afterwards it can be looked into."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.objects = Objects()
        self._away: str | None = None
        self._refusals: list[tuple[Callable[[kmock.Request], bool], Refused]] = []
        self._watches = 0
        self.forgetful = False
        """Whether it has lost its history: every watch ends with `410 Gone`, and what is must be listed anew."""
        for resource, kind in KINDS.items():
            self.resources[resource] = {"namespaced": resource not in CLUSTER_WIDE, "kind": kind, "verbs": VERBS}  # type: ignore[assignment]
        self.resources[CAMPAIGNS].subresources = {"status"}
        self.resources["apps/v1/deployments"].subresources = {"scale"}
        serve = {
            kmock.action.LIST: self._list,
            kmock.action.WATCH: self._watch,
            kmock.action.FETCH: lambda request: self.objects.get(_key(request)),
            kmock.action.CREATE: self._create,
            kmock.action.UPDATE: self._patch,
            kmock.action.DELETE: lambda request: self.objects.delete(_key(request), _meant(request)),
        }
        for action, answer in serve.items():
            self.fallback[action] << answer

    # Misfortunes -----------------------------------------------------------------------------------------------------

    @contextmanager
    def away(self, how: str = "503") -> Iterator[None]:
        """Be away for as long as the block lasts: answer `503`, or `hang up` on everyone. Watches break off."""
        self._away = how
        self._break_watches()
        try:
            yield
        finally:
            self._away = None

    @contextmanager
    def refusing(self, which: Callable[[kmock.Request], bool], status: int, reason: str = "Invalid") -> Iterator[None]:
        """Refuse the requests that `which` picks."""
        refusal = (which, Refused(status, reason, f"refused by the test with {status}"))
        self._refusals.append(refusal)
        try:
            yield
        finally:
            self._refusals.remove(refusal)

    async def __call__(self, raw_request: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        if self._away == "503":
            return aiohttp.web.Response(status=503, text="the emulator is away")
        if self._away == "hang up":
            assert raw_request.transport is not None
            raw_request.transport.abort()
            return aiohttp.web.Response()
        return await super().__call__(raw_request)

    async def _handle(self, request: kmock.Request) -> aiohttp.web.StreamResponse:
        try:
            for which, refused in self._refusals:
                if which(request):
                    raise refused
            return await super()._handle(request)
        except Refused as refused:
            status = {"kind": "Status", "apiVersion": "v1", "code": refused.status, "reason": refused.reason}
            return aiohttp.web.json_response(status | {"message": str(refused)}, status=refused.status)

    # Requests --------------------------------------------------------------------------------------------------------

    def _list(self, request: kmock.Request) -> Json:
        if request.resource.plural is None:  # /api/v1/namespaces/NAME, in which kmock sees no object
            return self.objects.get(("namespaces", None, str(request.namespace)))
        items = self.objects.list(str(request.resource.plural), request.namespace)
        return {"kind": "List", "metadata": {"resourceVersion": str(self.objects.version)}, "items": items}

    async def _watch(self, request: kmock.Request) -> AsyncIterator[Json]:
        """Every change after the version asked for, without a gap between history and present."""
        generation = self._watches
        place = int(request.params.get("resourceVersion", 0))
        yield b""  # sends the headers
        if self.forgetful:  # which a real one says within the stream
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": f"too old resource version: {place}"}
            yield {"type": "ERROR", "object": gone}
            return
        while generation == self._watches:
            changed = self.objects.changed
            for change in self.objects.history:
                plural, namespace, _ = change.key
                wanted = plural == request.resource.plural and request.namespace in (None, namespace)
                if wanted and change.version > place:
                    yield {"type": change.type, "object": change.object}
            place = max(place, self.objects.version)
            if changed is self.objects.changed:
                await changed.wait()

    def _create(self, request: kmock.Request) -> Any:
        made = self.objects.create(str(request.resource.plural), request.namespace, request.data)
        return kmock.Response(status=201, payload=made)  # type: ignore[attr-defined]

    def _patch(self, request: kmock.Request) -> Json:
        key, data = _key(request), json.loads(request.body)
        match request.headers["Content-Type"]:
            case "application/json-patch+json":
                return self.objects.patch(key, data, request.subresource)
            case "application/apply-patch+yaml":
                return self.objects.apply(key, data, request.params["fieldManager"], request.subresource)
            case _:
                return self.objects.merge(key, data, request.subresource)

    def _break_watches(self) -> None:
        self._watches += 1
        self.objects.touch()

    # Around it -------------------------------------------------------------------------------------------------------

    async def close_watches(self) -> None:
        """Let the streams end, so that the HTTP server need not wait for them."""
        self._break_watches()
        await asyncio.sleep(0)

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig file that points here."""
        cluster = {"name": "emulator", "cluster": {"server": str(self.url).rstrip("/")}}
        path = folder / "kubeconfig"
        path.write_text(json.dumps(KUBECONFIG | {"clusters": [cluster]}))
        return path


def is_deletion(request: kmock.Request) -> bool:
    """Whether the request deletes something."""
    return request.action == kmock.action.DELETE


def is_status_write(request: kmock.Request) -> bool:
    """Whether the request writes a campaign's status."""
    return request.subresource == "status" and request.action == kmock.action.UPDATE


def is_watch(request: kmock.Request, plural: str) -> bool:
    """Whether the request watches objects of this kind."""
    return request.resource.plural == plural and request.action == kmock.action.WATCH


def _key(request: kmock.Request) -> Key:
    if request.resource.plural is None:
        return ("namespaces", None, str(request.namespace))
    return (str(request.resource.plural), request.namespace, str(request.name))


def _meant(request: kmock.Request) -> str | None:
    """The uid that a deletion is bound to, if to any."""
    options = json.loads(request.body) if request.body else {}
    uid: str | None = options.get("preconditions", {}).get("uid")
    return uid
