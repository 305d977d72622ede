"""`forward`: a sidecar that sends the contents of an agent's operator.db to the controller."""

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

FINAL_SEND_SECONDS = 5.0
"""The time after SIGTERM in which the agent's last entries are sent."""


def run(db: Path, to: str, token_file: Path, time_zone: str) -> None:
    """Forwards until SIGTERM or Ctrl-C. Raises NoSuchZone for an unknown time zone."""
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
            await asyncio.wait_for(forwarder.once(), FINAL_SEND_SECONDS)
