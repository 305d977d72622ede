"""What the kubelet is told: from the first moment that the process lives, and later whether its work does.

Records may take minutes to migrate, and a CRD may be applied an hour later: a process that waits for them is alive, and
not ready. Kopf's own endpoint begins with Kopf, which is after both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


def _nothing_wrong() -> None:
    return None


@dataclass(slots=True)
class Liveness:
    """`waits_for` is what the process needs before it can work, None once it works.

    `trouble` says why it should be ended and started anew; None where all is well. Both are for people to read.
    """

    waits_for: str | None = "the process has just begun"
    trouble: Callable[[], str | None] = _nothing_wrong

    def application(self) -> Starlette:
        """`/healthz`: 500 where it should be ended. `/readyz`: 503 where it cannot work yet, or should be ended."""

        async def healthz(_: Request) -> PlainTextResponse:
            return _said(self.trouble(), 500)

        async def readyz(_: Request) -> PlainTextResponse:
            return _said(self.waits_for or self.trouble(), 503)

        return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])


def _said(why: str | None, status: int) -> PlainTextResponse:
    return PlainTextResponse("ok\n") if why is None else PlainTextResponse(f"{why}\n", status)
