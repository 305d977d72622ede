"""A watch on pods that never ends, skips no change, and says when it cannot see.

Kubernetes' own watch helper reconnects in silence; an oracle must know of every gap. So the watch is written out here:
list, follow, and on any trouble say so and list anew. A connection that died without a word shows only as silence, and
so does a quiet namespace: after a second without news the API server is asked something cheap.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp

from controller.kube.api import KubeApi
from controller.kube.pods import pod_from_json
from subjects.cluster import ClusterError, ClusterUnreachable, PodView

QUIET_SECONDS = 1.0
"""After so long without an event, check that the API server still answers."""

GLANCE_SECONDS = 1.0
"""How long that check, the list, and the beginning of the watch may take."""

RETRY_SECONDS = 0.25


class _WatchEnded(Exception):
    """The server closed the watch, as it does every few minutes, or its history was too short (410)."""


async def follow_pods(api: KubeApi, path: str, selector: str) -> AsyncGenerator[PodView, None]:
    """The pods under `path` that match `selector`: now, after every change, and None while they cannot be seen."""
    while True:
        try:
            async with aclosing(_one_watch(api, path, selector)) as views:
                async for view in views:
                    yield view
        except _WatchEnded:
            continue
        except (ClusterError, ClusterUnreachable) as error:
            yield PodView(None, str(error))
            await asyncio.sleep(RETRY_SECONDS)


async def _one_watch(api: KubeApi, path: str, selector: str) -> AsyncGenerator[PodView, None]:
    listed = await api.request("GET", path, query={"labelSelector": selector}, timeout=GLANCE_SECONDS)
    pods = {pod.name: pod for pod in map(pod_from_json, listed["items"])}
    yield PodView(dict(pods))
    query = {
        "watch": "true",
        "labelSelector": selector,
        "resourceVersion": listed["metadata"]["resourceVersion"],
    }
    async with api.stream(path, query, timeout=GLANCE_SECONDS) as lines, aclosing(_lines(api, path, lines)) as events:
        async for line in events:
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise _WatchEnded
            pod = pod_from_json(event["object"])
            if event["type"] == "DELETED":
                pods.pop(pod.name, None)
            else:
                pods[pod.name] = pod
            yield PodView(dict(pods))


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
                raise _WatchEnded
            yield line
    except (aiohttp.ClientError, OSError) as error:
        raise ClusterUnreachable(f"the watch broke: {error or type(error).__name__}") from error
    finally:
        if reading is not None and not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
