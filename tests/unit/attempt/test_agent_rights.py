"""What the agent may read is found out before it starts, and the record says so, whatever becomes of the attempt."""

from __future__ import annotations

from typing import Any

import pytest

from controller.agents.exposure import Account, Exposure, Namespaces, revealing_permissions
from controller.agents.protocol import CommandLog
from controller.api import Mode, Outcome
from controller.attempt.agent_session import AgentSession
from controller.records.rows import Flag

ACCOUNT = Account("agents", "a")
CAMPAIGNS, *_, EVENTS = revealing_permissions(Namespaces("team-a", "s", "ours"))


class Workload:
    """An agent's Deployment that starts at once."""

    title = "Deployment agents/a"

    def __init__(self, told: list[str]) -> None:
        self.told = told

    async def start(self, say: Any) -> None:
        self.told.append("started")

    async def stop(self, say: Any) -> None:
        self.told.append("stopped")


async def flags(exposure: Any, outcome: Any = Outcome.UNDETECTED, mode: Any = Mode.AGENT) -> Any:
    told: list[str] = []

    async def find_out() -> Any:
        told.append("asked")
        return exposure

    agent_session = AgentSession(mode, None, Workload(told), "scripted/s", lambda: None, find_out)  # type: ignore[arg-type]
    await agent_session.start(lambda _: None)
    assert told[0] == "asked", "from its start on, the agent waits for us"
    return agent_session.flags(outcome, CommandLog(), degraded=False)


@pytest.mark.parametrize("outcome", [Outcome.UNDETECTED, Outcome.RESOLVED, Outcome.INFRA_ERROR])
async def test_every_outcome_bears_what_the_agent_could_read(outcome: Any) -> None:
    assert Flag.AGENT_CAN_SEE_EVALUATION in await flags(Exposure(ACCOUNT, (CAMPAIGNS,)), outcome)


async def test_events_of_the_subject_and_what_is_unknown_are_flags_of_their_own() -> None:
    assert await flags(Exposure(ACCOUNT, (EVENTS,), (CAMPAIGNS,))) == [
        Flag.AGENT_CAN_READ_EVENTS,
        Flag.AGENT_RIGHTS_UNKNOWN,
    ]
    assert await flags(Exposure(None)) == [Flag.AGENT_RIGHTS_UNKNOWN]


async def test_an_agent_that_may_read_nothing_is_not_flagged_and_neither_is_none() -> None:
    assert await flags(Exposure(ACCOUNT)) == []
    assert await flags(None, mode=Mode.BASELINE) == []
