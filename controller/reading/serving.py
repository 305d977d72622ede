"""The records over HTTP, read-only, for whoever may port-forward to the controller's pod.

It listens on 127.0.0.1 alone: who gets there was let through by the API server, by a right on `pods/portforward` in the
controller's namespace. So there is no password here, and no agent can read how it is judged. A campaign's
token takes a proof besides: see `controller.agents.intake.tokens`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from controller.reading.answers import ExchangeToken, application
from controller.serving import serving_if_possible
from controller.settings import LOCALHOST


@asynccontextmanager
async def serving_records(
    url: str, port: int, exchange_token: ExchangeToken | None = None
) -> AsyncGenerator[int | None]:
    """Answer questions about the records at `url` for as long as the block lasts; yields the port.

    A campaign goes on whether or not somebody can read of it meanwhile: see `serving_if_possible`.
    """
    async with serving_if_possible(application(url, exchange_token), LOCALHOST, port, "the records") as served:
        yield served
