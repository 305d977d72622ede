"""Observes the system from outside: queries the Kubernetes API, and for TiKV a PD, concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from .kubernetes import ApiRefused, ApiUnreachable, Kubernetes
from .observer import Observation, build_observation
from .web import client

LIMIT_SECONDS = 3.0
"""The limit of PD's response, which is slow for a moment after a change of its leader."""

Json = Any


class ProbeFailed(Exception):
    """The system cannot be observed now; the text says why."""


class Prober:
    """Probes one namespace. `pd` is the URL of any PD, empty where there is none. `clock` is monotonic, in seconds."""

    def __init__(self, kubernetes: Kubernetes, namespace: str, pd: str, clock: Callable[[], float]) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._pd = pd
        self._clock = clock
        self._client = client(pd, LIMIT_SECONDS)

    async def probe(self) -> Observation:
        """Returns the observation of now. Raises ProbeFailed."""
        try:
            pods, statefulsets, stores = await asyncio.gather(
                self._kubernetes.pods(self._namespace),
                self._kubernetes.statefulsets(self._namespace),
                self._stores(),
            )
        except (ApiUnreachable, ApiRefused) as error:
            raise ProbeFailed(str(error)) from error
        if not statefulsets:
            raise ProbeFailed(f"there are no StatefulSets in namespace {self._namespace}")
        return build_observation(self._clock(), pods, statefulsets, stores)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _stores(self) -> Sequence[Json] | None:
        if not self._pd:
            return ()
        try:
            answer = await self._client.get("/pd/api/v1/stores")
            return list(answer.json()["stores"]) if answer.is_success else None
        except (httpx.HTTPError, ValueError, KeyError):
            return None
