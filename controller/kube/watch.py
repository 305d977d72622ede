"""A watch on pods that never ends, skips no change, and says when it cannot see.

Kubernetes' own watch helper reconnects in silence; an oracle must know of every gap. So the watch is written out here:
list, follow, and on any trouble say so and list anew. A connection that died without a word shows only as silence, and
so does a quiet namespace: after a second without news the API server is asked something cheap.

A watch may end at any time, and is taken up again at once. One that ends again and again, whether with an error, in the
middle of a line or as it should, costs the server a list each time: so the next waits a little longer, up to a second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp

from controller.kube.api import KubeApi, understood
from controller.kube.pause import Pause
from controller.kube.pods import pod_from_json
from subjects.cluster import ClusterError, ClusterUnreachable, Pod, PodView

QUIET_SECONDS = 1.0
"""After so long without an event, check that the API server still answers."""

GLANCE_SECONDS = 1.0
"""How long that check, the list, and the beginning of the watch may take."""

RETRY_SECONDS = 0.25
"""The pause before the second try in a row; the third waits twice as long, and none longer than this:"""

LONGEST_RETRY_SECONDS = 1.0

HEALTHY_SECONDS = 5.0
"""A watch that held for so long was a good one. The server itself ends them after half an hour or more."""


class _WatchEnded(Exception):
    """The server closed the watch, or its history was too short (410); the text says how."""


async def follow_pods(api: KubeApi, path: str, selector: str) -> AsyncGenerator[PodView, None]:
    """The pods under `path` that match `selector`: now, after every change, and None while they cannot be seen."""
    pause = Pause(RETRY_SECONDS, LONGEST_RETRY_SECONDS, forget_after=HEALTHY_SECONDS)
    while True:
        try:
            async with aclosing(_one_watch(api, path, selector)) as views:
                async for view in views:
                    yield view
        except _WatchEnded as ended:
            if seconds := pause.next():
                # While we wait, changes pass unseen.
                yield PodView(None, f"the API server ends every watch: {ended}")
                await asyncio.sleep(seconds)
        except (ClusterError, ClusterUnreachable) as error:
            yield PodView(None, str(error))
            await asyncio.sleep(pause.next() or RETRY_SECONDS)


async def _one_watch(api: KubeApi, path: str, selector: str) -> AsyncGenerator[PodView, None]:
    listed = await api.request("GET", path, query={"labelSelector": selector}, timeout=GLANCE_SECONDS)
    pods, version = _listed(listed)
    yield PodView(dict(pods))
    query = {"watch": "true", "labelSelector": selector, "resourceVersion": version}
    async with api.stream(path, query, timeout=GLANCE_SECONDS) as lines, aclosing(_lines(api, path, lines)) as events:
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
    with understood("pods"):
        pods = {pod.name: pod for pod in map(pod_from_json, answer["items"])}
        return pods, str(answer["metadata"]["resourceVersion"])


def _event(line: bytes) -> tuple[str, Pod | None]:
    """What an event says; no pod where it is about none. Raises _WatchEnded where it says that the watch is over.

    ClusterUnreachable where it is no event: a connection that breaks may leave half a line behind.
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
    """The watch's lines; raises ClusterUnreachable when neither the watch nor the server says anything."""
    reading: asyncio.Task[bytes] | None = None
    try:
        while True:
            # The read is never cancelled for a mere glance: that would lose the part of a line that had come.
            reading = asyncio.ensure_future(content.readline())
            while not reading.done():
                done, _ = await asyncio.wait({reading}, timeout=QUIET_SECONDS)
                if not done:
                    await api.request("GET", path, query={"limit": "1", "resourceVersion": "0"}, timeout=GLANCE_SECONDS)
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
