"""The kubelet's probes: `/healthz` and `/readyz`, which answer from the first moment of the process.

Records may take minutes to migrate, and the CRD may be applied an hour later: a process that waits for them is alive
and not ready. Kopf's own endpoint starts with Kopf, which is after both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


def _no_reason() -> None:
    return None


@dataclass(slots=True)
class Liveness:
    """The state of the process, in sentences for people.

    `waits_for` is what the process needs before it can work; None once it works. `restart_reason` returns why the
    process should be restarted; None where it should not.
    """

    waits_for: str | None = "the process has just begun"
    restart_reason: Callable[[], str | None] = _no_reason

    def application(self) -> Starlette:
        """`/healthz` answers 500 where the process should be restarted, `/readyz` 503 where it cannot work yet."""

        async def healthz(_: Request) -> PlainTextResponse:
            return _respond(self.restart_reason(), 500)

        async def readyz(_: Request) -> PlainTextResponse:
            return _respond(self.waits_for or self.restart_reason(), 503)

        return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])


def _respond(reason: str | None, status: int) -> PlainTextResponse:
    return PlainTextResponse("ok\n") if reason is None else PlainTextResponse(f"{reason}\n", status)
