"""The intake as the controller serves it: real connections, real records, real processes that read bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from controller.agents.intake.app import intake
from controller.agents.intake.parser_pool import ParserPool
from controller.agents.intake.source import HttpSource
from controller.agents.intake.tokens import TokenRegistry
from controller.connections import Limits
from controller.records import Records
from controller.records.quota import LogLimits
from controller.serving import serving
from tests.unit.records.samples import spec

HOSTILE, HONEST = "uid-hostile", "uid-honest"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICKET = {"message": "m-0 is down", "subject": "tikv/tikv"}


@dataclass(frozen=True)
class Intake:
    """Of two campaigns. Their tokens are `token of UID`."""

    port: int
    records: Records
    workers: ParserPool

    def client(self, campaign: str, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """Who sends for a campaign, from an address of this machine's."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer token of {campaign}"},
            transport=httpx.AsyncHTTPTransport(local_address=address),
            timeout=120,
        )

    def source(self, campaign: str) -> HttpSource:
        """What the campaign's attempts see."""
        return HttpSource(self.records, campaign, lambda: NOON)


@asynccontextmanager
async def served(
    folder: Path,
    limits: Limits | None = None,
    log_limits: LogLimits | None = None,
    workers: ParserPool | None = None,
) -> AsyncIterator[Intake]:
    """Serve it for as long as the block lasts; `workers` of somebody else's are left to him."""
    book, lent = TokenRegistry(), workers is not None
    workers = workers or ParserPool()
    records = await Records.open(f"sqlite:///{folder}/records.db", log_limits=log_limits or LogLimits())
    for uid in (HOSTILE, HONEST):
        await records.ensure_campaign(uid, "default", uid, spec(), NOON)
        book.register(f"token of {uid}", uid)
    app = intake(records, book.campaign_of, lambda: NOON, workers)
    try:
        async with serving(app, "127.0.0.1", 0, limits) as port:
            yield Intake(port, records, workers)
    finally:
        if not lent:
            await workers.close()
        await records.close()
