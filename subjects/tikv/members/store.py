"""Asking a store itself, on its status port."""

from __future__ import annotations

from typing import Any

from subjects.cluster import Pod
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.queries import TIKV
from subjects.watching.polling import QueryResult, send_within


async def query_store(
    endpoints: Endpoints, pod: Pod, path: str, timeout: float, *, port: int | None = None, body: Any | None = None
) -> QueryResult:
    """One request, `timeout` in seconds; never raises for what the store, the network or the API server does.

    `port` is where PD says the store listens; None: the usual one. A `body` makes it a POST.
    """
    return await send_within(timeout, lambda: endpoints.ask(TIKV, pod, path, timeout, port=port, body=body))
