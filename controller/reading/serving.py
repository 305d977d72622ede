"""The records over HTTP, read-only, for whoever may port-forward to the controller's pod.

It listens on 127.0.0.1 alone: who gets there was let through by the API server, by a right on `pods/portforward` in the
controller's namespace. So there is no password here, and no agent can read how it is judged.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from controller.reading.answers import application
from controller.serving import serving

log = logging.getLogger(__name__)

LOCALHOST = "127.0.0.1"


@asynccontextmanager
async def serving_records(url: str, port: int) -> AsyncGenerator[int | None]:
    """Answer questions about the records at `url` for as long as the block lasts; yields the port.

    Port 0 serves nothing, and None is yielded. So it is where the port is taken, with a warning in the log: a campaign
    goes on whether or not somebody can read of it meanwhile.
    """
    async with AsyncExitStack() as beside:
        served = None
        if port:
            try:
                served = await beside.enter_async_context(serving(application(url), LOCALHOST, port))
            except OSError as error:
                why = "somebody else has it" if error.errno == errno.EADDRINUSE else str(error)
                log.warning("the records cannot be read over HTTP: port %s cannot be had (%s)", port, why)
        yield served
