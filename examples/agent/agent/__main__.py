"""`python3 -m agent`: what it is to be stands in the environment (settings.py)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from .life import live
from .settings import Settings, Unusable


async def until_stopped(settings: Settings) -> None:
    """Live until SIGTERM. As the first process of a container it must see to that itself, or it would not end."""
    life = asyncio.create_task(live(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, life.cancel)
    try:
        await life
    except asyncio.CancelledError:
        logging.info("stopped")


def main() -> None:
    """Run the agent until a signal ends it."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = Settings.of(os.environ)
    except Unusable as error:
        raise SystemExit(str(error)) from None
    logging.info("%s, watching %s in %s, telling %s", settings.policy, settings.subject, settings.namespace,
                 settings.report)  # fmt: skip
    asyncio.run(until_stopped(settings))


if __name__ == "__main__":
    main()
