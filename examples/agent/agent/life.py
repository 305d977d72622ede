"""The agent's main loop: it opens the journal, and then probes the system and acts until it is stopped."""

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

from .executor import ActionExecutor
from .http_journal import HttpJournal
from .journal import Journal, JournalUnavailable
from .kubernetes import Kubernetes
from .memory import Memory
from .operator_db import OperatorDb
from .policies import POLICIES, Policy
from .prober import ProbeFailed, Prober
from .settings import Settings
from .worklog import WorkLog

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Between two attempts to open the journal."""


async def run_agent(settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
    """Runs until cancelled, and then sends what is unsent. `clock` is read once a probe, in seconds."""
    journal = journal_of(settings)
    kubernetes = Kubernetes(settings.api, settings.account)
    prober = Prober(kubernetes, settings.namespace, settings.pd, clock)
    worklog = WorkLog(journal, secrets.token_hex(4), f"{settings.subject}/{settings.namespace}", _now)
    executor = ActionExecutor(kubernetes, settings.namespace, worklog)
    async with AsyncExitStack() as stack:
        for each in (kubernetes, prober, journal):
            stack.push_async_callback(each.close)
        settings.ready.unlink(missing_ok=True)
        await _open_when_ready(journal)
        await _watch(settings, prober, executor, POLICIES[settings.policy])


def journal_of(settings: Settings) -> Journal:
    """Returns the journal that `settings.report` names."""
    if settings.report.startswith(("http://", "https://")):
        return HttpJournal(settings.report, settings.token_file)
    return OperatorDb(Path(settings.report))


async def _open_when_ready(journal: Journal) -> None:
    while True:
        try:
            return await journal.open()
        except JournalUnavailable as error:
            logger.warning("waiting: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _watch(settings: Settings, prober: Prober, executor: ActionExecutor, policy: Policy) -> None:
    chances, memory = Random(settings.seed), Memory()
    log_change = ChangeLogger().log
    while True:
        try:
            seen = await prober.probe()
        except ProbeFailed as error:
            log_change(f"nothing can be observed: {error}")
        else:
            # The readiness probe succeeds from now on, because the agent can detect faults.
            settings.ready.touch()
            log_change(seen.summary)
            memory = memory.after_observation(seen)
            actions = tuple(policy(seen, memory, settings.patience, chances.random()))
            for action in actions:
                logger.info("%s", action)
                await executor.execute(action, seen)
            memory = memory.after_actions(actions, seen)
        await asyncio.sleep(settings.every)


class ChangeLogger:
    """Logs a text where it differs from the last one."""

    def __init__(self) -> None:
        self._last = ""

    def log(self, text: str) -> None:
        """Logs the text if it is new."""
        if text != self._last:
            logger.info("%s", text)
        self._last = text


def _now() -> datetime:
    return datetime.now(UTC)
