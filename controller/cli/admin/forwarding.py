"""`forward`: a sidecar that sends on what an agent writes into its operator.db."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path

import httpx

from controller.agents.forward import Forwarder, RefusedForNow
from controller.agents.operatordb.tables import zone_of
from controller.agents.protocol import AgentUnreadable
from controller.printable import log_printably

TIMEOUT_SECONDS = 5.0

LAST_SEND_SECONDS = 5.0
"""What is spent, after SIGTERM, on what the agent wrote last."""


def run(db: Path, to: str, token_file: Path, time_zone: str) -> None:
    """Forward until SIGTERM or Ctrl-C. NoSuchZone for a time zone that does not exist."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    log_printably()
    asyncio.run(_forward(db, to, token_file, time_zone))


async def _forward(db: Path, to: str, token_file: Path, time_zone: str) -> None:
    async with httpx.AsyncClient(base_url=to, timeout=TIMEOUT_SECONDS) as client:
        forwarder = Forwarder(db, zone_of(time_zone), client, lambda: token_file.read_text().strip())
        running = asyncio.ensure_future(forwarder.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        await asyncio.gather(running, return_exceptions=True)
        with suppress(TimeoutError, AgentUnreadable, RefusedForNow, OSError):
            await asyncio.wait_for(forwarder.once(), LAST_SEND_SECONDS)
