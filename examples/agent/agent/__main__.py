"""Runs the agent (`python3 -m agent`). Environment variables configure it (settings.py)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from .life import run_agent
from .settings import InvalidSettings, Settings


async def until_stopped(settings: Settings) -> None:
    """Runs the agent until SIGTERM or SIGINT. The first process of a container has no default handlers for them."""
    life = asyncio.create_task(run_agent(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, life.cancel)
    try:
        await life
    except asyncio.CancelledError:
        logging.info("stopped")


def main() -> None:
    """Runs the agent until a signal ends it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = Settings.of(os.environ)
    except InvalidSettings as error:
        raise SystemExit(str(error)) from None
    logging.info("%s, watching %s in %s, reporting to %s", settings.policy, settings.subject, settings.namespace,
                 settings.report)  # fmt: skip
    asyncio.run(until_stopped(settings))


if __name__ == "__main__":
    main()
