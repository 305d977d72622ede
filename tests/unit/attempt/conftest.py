"""An attempt on a scripted subject, with real records in a temporary folder, on time that is free."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.quick import QuickSpec
from bench.scripted import Script, ScriptedSubject, World
from controller.agents.deployment import AgentDeployment
from controller.agents.protocol import AgentSource
from controller.api import CampaignSpec, CurrentAttempt, Outcome
from controller.attempt.agent_session import AgentSession
from controller.attempt.attempt import Attempt, trial_seed
from controller.attempt.stopping import StopSignal
from controller.records import AttemptRow, Event, Records, queries
from controller.records.database import reading
from subjects.protocol import SubjectContext
from tests.support.virtual import VirtualClock, VirtualLoop

UID = "5f1e6a0e-0000-4000-8000-000000000001"


def spec(**changes: Any) -> CampaignSpec:
    """A quick campaign."""
    asked = {"observe_seconds": 0.5, "trials": 1} | changes
    return QuickSpec(subject={"type": "scripted", "namespace": "s"}, chaos={"type": "node_kill"}, **asked)


@dataclass
class Bench:
    """Runs attempts of one campaign and gives back what the records say of them."""

    url: str
    records: Records
    clock: VirtualClock
    world: World
    stop: StopSignal
    told: list[CurrentAttempt]
    source: AgentSource | None = None
    workload: AgentDeployment | None = None

    async def attempt(self, script: Script | None = None, spec_: CampaignSpec | None = None, trial: int = 1) -> Attempt:
        chosen = spec_ or spec()
        await self.records.ensure_campaign(UID, "default", "c", chosen, self.clock.now())
        row = await self.records.open_attempt(UID, trial, trial_seed(chosen.seed, trial), self.clock.now())
        subject = ScriptedSubject(SubjectContext(None, "s", self.clock.now), script, self.world)
        params = subject.get_chaos_types()["node_kill"].params()
        agent_session = AgentSession(chosen.mode, self.source, self.workload, "scripted/s", self.clock.now)
        return Attempt(row, chosen, params, subject, agent_session, self.records, self.clock.now, self.told.append)

    async def run(self, script: Script | None = None, spec_: CampaignSpec | None = None) -> tuple[Outcome, AttemptRow]:
        attempt = await self.attempt(script, spec_)
        outcome = await attempt.run(self.stop)
        return outcome, await self.row()

    async def row(self) -> AttemptRow:
        """The newest attempt, whole, as the command line would read it."""
        last = (await self.records.tally(UID)).recent[0]
        with reading(self.url) as connection:
            campaign = queries.find_campaign(connection, UID).campaign
            return queries.get_attempt(connection, campaign, last.trial, last.attempt)

    def events(self, row: AttemptRow) -> list[Event]:
        """The attempt's story."""
        with reading(self.url) as connection:
            return queries.list_events(connection, row.id)


def pytest_asyncio_loop_factories(config: Any, item: Any) -> Any:
    """On a busy machine real time would decide how an attempt ends."""
    return {"virtual": VirtualLoop}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Any]:
    url = f"sqlite:///{tmp_path}/records.db"
    records = await Records.open(url)
    yield Bench(url, records, VirtualClock(), World(), StopSignal(), [])
    await records.close()
