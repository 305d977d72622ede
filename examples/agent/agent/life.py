"""The agent's life: until its work can be told, wait; then look, judge, act, rest, and so on until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from .casebook import Casebook
from .hands import Hands
from .http_journal import HttpJournal
from .journal import Journal, NotTaken
from .kubernetes import Kubernetes
from .memory import Memory
from .operator_db import OperatorDb
from .outside import Blind, Outside
from .policies import POLICIES, Policy
from .settings import Settings

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Until its work would be taken."""


async def live(settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
    """Never returns; cancel it. What was to be told by then is told. `clock` is asked once a look."""
    journal = journal_of(settings)
    kubernetes = Kubernetes(settings.api, settings.account)
    outside = Outside(kubernetes, settings.namespace, settings.pd, clock)
    casebook = Casebook(journal, secrets.token_hex(4), f"{settings.subject}/{settings.namespace}", _now)
    hands = Hands(kubernetes, settings.namespace, casebook)
    async with AsyncExitStack() as stack:
        for each in (kubernetes, outside, journal):
            stack.push_async_callback(each.close)
        settings.ready.unlink(missing_ok=True)
        await _until_heard(journal)
        await _watch(settings, outside, hands, POLICIES[settings.policy])


def journal_of(settings: Settings) -> Journal:
    """The one that `report` names."""
    if settings.report.startswith(("http://", "https://")):
        return HttpJournal(settings.report, settings.token_file)
    return OperatorDb(Path(settings.report))


async def _until_heard(journal: Journal) -> None:
    while True:
        try:
            return await journal.open()
        except NotTaken as error:
            logger.warning("waiting: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _watch(settings: Settings, outside: Outside, hands: Hands, policy: Policy) -> None:
    chances, memory = Random(settings.seed), Memory()
    told = Changes().tell
    while True:
        try:
            seen = await outside.look()
        except Blind as error:
            told(f"blind: {error}")
        else:
            # Whoever waits for the agent may go on: from now on it would notice.
            settings.ready.touch()
            told(seen.in_words)
            memory = memory.seeing(seen)
            actions = tuple(policy(seen, memory, settings.patience, chances.random()))
            for action in actions:
                logger.info("%s", action)
                await hands.do(action, seen)
            memory = memory.having_done(actions, seen)
        await asyncio.sleep(settings.every)


class Changes:
    """Says to the log what differs from what was said last."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, text: str) -> None:
        """Say it, if it is new."""
        if text != self._last:
            logger.info("%s", text)
        self._last = text


def _now() -> datetime:
    return datetime.now(UTC)
