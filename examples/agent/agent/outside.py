"""Looks at the system from outside: asks the Kubernetes API, and for TiKV any PD, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from .kubernetes import Away, Kubernetes, Refused
from .observer import Observation, judge
from .web import client

LIMIT_SECONDS = 3.0
"""For PD's answer. After a change of its leader it is slow for a moment."""

Json = Any


class Blind(Exception):
    """Nothing can be said of the system now; the text says why."""


class Outside:
    """`pd` is the URL of any PD, empty for a system that has none. `clock` is monotonic, in seconds."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, pd: str, clock: Callable[[], float]) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._pd = pd
        self._clock = clock
        self._client = client(pd, LIMIT_SECONDS)

    async def look(self) -> Observation:
        """What there is to be seen now. Raises Blind."""
        try:
            pods, statefulsets, stores = await asyncio.gather(
                self._kubernetes.pods(self._namespace),
                self._kubernetes.statefulsets(self._namespace),
                self._stores(),
            )
        except (Away, Refused) as error:
            raise Blind(str(error)) from error
        if not statefulsets:
            raise Blind(f"there are no StatefulSets in namespace {self._namespace}")
        return judge(self._clock(), pods, statefulsets, stores)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _stores(self) -> Sequence[Json] | None:
        if not self._pd:
            return ()
        try:
            answer = await self._client.get("/pd/api/v1/stores")
            return list(answer.json()["stores"]) if answer.is_success else None
        except (httpx.HTTPError, ValueError, KeyError):
            return None
