"""Pods: parsed from JSON, and watched by a watch that never ends, skips no change, and says when it cannot see.

Kubernetes' own watch helper reconnects silently, but an oracle must know of every gap. So the watch is written out
here: list, follow, and on any error report it and list again. A broken connection looks like a namespace without
changes:
after a second without an event, a cheap request checks that the API server still answers.

A watch may end at any time, and is opened again at once. Every new watch costs the server a list, so a watch that ends
repeatedly is opened again with a backoff of up to a second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp

from controller.kube.api import KubeApi, parsing
from controller.kube.backoff import Backoff
from subjects.cluster import ClusterError, ClusterUnreachable, Pod, PodView

SILENCE_SECONDS = 1.0
"""After this long without an event, check that the API server still answers."""

REQUEST_SECONDS = 1.0
"""The timeout of that check, of the list, and of the beginning of the watch."""

RETRY_SECONDS = 0.25
"""The wait before the second try in a row; later ones double, up to MAX_RETRY_SECONDS."""

MAX_RETRY_SECONDS = 1.0

HEALTHY_SECONDS = 5.0
"""A watch that lasted this long resets the backoff. The server itself ends watches after half an hour or more."""


def pod_from_json(raw: Mapping[str, Any]) -> Pod:
    """Returns the few fields that an oracle needs of a v1.Pod as JSON. Pure."""
    meta, spec, status = raw["metadata"], raw["spec"], raw.get("status", {})
    containers = status.get("containerStatuses") or []
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions") or []}
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        ready=conditions.get("Ready") == "True",
        deleting="deletionTimestamp" in meta,
        ip=status.get("podIP"),
        images={container["name"]: container["image"] for container in spec["containers"]},
        image_ids={container["name"]: container.get("imageID", "") for container in containers},
        restarts=sum(container.get("restartCount", 0) for container in containers),
        phase=status.get("phase", ""),
        node=spec.get("nodeName"),
    )


class _WatchEnded(Exception):
    """The server closed the watch, or its history was too short (410); the text says how."""


async def watch_pods(api: KubeApi, path: str, selector: str) -> AsyncGenerator[PodView, None]:
    """Yields the pods under `path` that match `selector`: at once, after every change, and None while unknown."""
    backoff = Backoff(RETRY_SECONDS, MAX_RETRY_SECONDS, forget_after=HEALTHY_SECONDS)
    while True:
        try:
            async with aclosing(_one_watch(api, path, selector)) as views:
                async for view in views:
                    yield view
        except _WatchEnded as ended:
            if seconds := backoff.next():
                # Changes during the wait are not seen.
                yield PodView(None, f"the API server ends every watch: {ended}")
                await asyncio.sleep(seconds)
        except (ClusterError, ClusterUnreachable) as error:
            yield PodView(None, str(error))
            await asyncio.sleep(backoff.next() or RETRY_SECONDS)


async def _one_watch(api: KubeApi, path: str, selector: str) -> AsyncGenerator[PodView, None]:
    listed = await api.request("GET", path, query={"labelSelector": selector}, timeout=REQUEST_SECONDS)
    pods, version = _listed(listed)
    yield PodView(dict(pods))
    query = {"watch": "true", "labelSelector": selector, "resourceVersion": version}
    async with api.stream(path, query, timeout=REQUEST_SECONDS) as lines, aclosing(_lines(api, path, lines)) as events:
        async for line in events:
            kind, pod = _event(line)
            if pod is None:
                continue
            if kind == "DELETED":
                pods.pop(pod.name, None)
            else:
                pods[pod.name] = pod
            yield PodView(dict(pods))


def _listed(answer: Mapping[str, Any]) -> tuple[dict[str, Pod], str]:
    with parsing("pods"):
        pods = {pod.name: pod for pod in map(pod_from_json, answer["items"])}
        return pods, str(answer["metadata"]["resourceVersion"])


def _event(line: bytes) -> tuple[str, Pod | None]:
    """Returns the type and the pod of an event; None for other objects. Raises _WatchEnded at an ERROR event.

    Raises ClusterUnreachable where it is no event: a broken connection may leave half a line behind.
    """
    try:
        event = json.loads(line)
        kind, found = event["type"], event["object"]
        if kind == "ERROR":
            raise _WatchEnded(f"{found.get('reason') or 'ERROR'} (HTTP {found.get('code')}): {found.get('message')}")
        if kind not in ("ADDED", "MODIFIED", "DELETED"):
            return str(kind), None
        return kind, pod_from_json(found)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise ClusterUnreachable("the watch broke: what came was no whole event") from None


async def _lines(api: KubeApi, path: str, content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Yields the watch's lines. Raises ClusterUnreachable when neither the watch nor the server answers."""
    reading: asyncio.Task[bytes] | None = None
    try:
        while True:
            # The read is not cancelled for the check: that would lose the part of a line that was received.
            reading = asyncio.ensure_future(content.readline())
            while not reading.done():
                done, _ = await asyncio.wait({reading}, timeout=SILENCE_SECONDS)
                if not done:
                    await api.request(
                        "GET", path, query={"limit": "1", "resourceVersion": "0"}, timeout=REQUEST_SECONDS
                    )
            line = reading.result()
            if not line:
                raise _WatchEnded("it closed the connection")
            yield line
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a line longer than any event
        raise ClusterUnreachable(f"the watch broke: {error or type(error).__name__}") from error
    finally:
        if reading is not None and not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
